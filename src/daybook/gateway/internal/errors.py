"""Why a call of internal calls' came to nothing, as the kinds of error that jobs and people know."""

from daybook.gateway.call.attempts import Whole
from daybook.gateway.errors import Refusal
from daybook.kit.errors import DaybookError, Forbidden, Limited, NotFound, Specifics, Unavailable, Upstream

_TOO_MANY = 429
_LASTING = frozenset({
    "api_not_served", "key_unreadable", "model_not_found", "no_provider", "price_unknown", "upstream_auth",
    "upstream_redirect", "upstream_refused",
})  # fmt: skip


def is_lasting(error: DaybookError) -> bool:
    """Whether the same call would fail again until a person changes something: there is no use in trying again soon."""
    return error.code in _LASTING


def error_of(refusal: Refusal) -> DaybookError:
    """The error that `refusal` is for internal calls."""
    words, code, details = refusal.message, refusal.code, refusal.details
    match code:
        case "budget_reached":
            return Limited(words, code=code, details=details, retry_after=refusal.retry_after)
        case "price_unknown":
            return Forbidden(words, code=code, details=details)
        case "model_not_found" | "api_not_served":
            return NotFound(words, code=code, details=details)
        case _ if refusal.status == _TOO_MANY:
            return Limited(words, code="upstream_limited", details=details, retry_after=refusal.retry_after)
        case _ if code.startswith("upstream_"):
            return Upstream(words, code=code, details=details)
        case _:
            return Unavailable(words, code=code, details=details)


def error_of_answer(whole: Whole, words: str, details: Specifics) -> DaybookError:
    """The error that a provider's own error answer is: it asks to wait, or does not take the request."""
    if whole.status != _TOO_MANY:
        return Upstream(words, code="upstream_refused", details=details)
    told = whole.headers.get("retry-after", "")
    wait = float(told) if told.isascii() and told.isdecimal() and len(told) < 7 else None  # noqa: PLR2004  (digits)
    return Limited(words, code="upstream_limited", details=details, retry_after=wait)
