"""Failures of internal calls, as the kinds of error that jobs and pages know."""

from daybook.gateway.call.attempts import WholeResponse
from daybook.gateway.errors import Refusal
from daybook.kit.errors import DaybookError, Forbidden, Limited, NotFound, Specifics, Unavailable, Upstream
from daybook.kit.retry_after import parse_retry_after

_TOO_MANY = 429
_LASTING = frozenset({
    "api_not_served", "key_unreadable", "model_not_found", "no_provider", "price_unknown", "upstream_auth",
    "upstream_redirect", "upstream_refused",
})  # fmt: skip


def is_lasting(error: DaybookError) -> bool:
    """Return True if the same call fails again until someone changes a setting: a retry is of no use."""
    return error.code in _LASTING


def error_of(refusal: Refusal) -> DaybookError:
    """Return `refusal` as the error that internal calls raise."""
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


def error_of_response(whole: WholeResponse, words: str, details: Specifics) -> DaybookError:
    """Return a provider's error response as an error: a request to wait, or a refusal."""
    if whole.status != _TOO_MANY:
        return Upstream(words, code="upstream_refused", details=details)
    wait = parse_retry_after(whole.headers.get("retry-after"))
    return Limited(words, code="upstream_limited", details=details, retry_after=wait)
