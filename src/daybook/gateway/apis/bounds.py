"""Upper bounds of a call's tokens, before it is sent.

The prompt is bounded by the request's bytes, because a token is at least a byte of the text that the model reads;
`media` bounds the rest. The answer is bounded by the maximum that the request names, times the number of answers; a
request that names none is given one. `_TEMPLATE` and `_TOOLS` bound what providers add to prompts, tools and schemas.
A model that searches by itself, or a provider with a long prompt of its own, may exceed its bound. The call is then
recorded with its real usage, and `overrun` reports the excess.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from daybook.gateway.apis.media import LARGEST_CONTEXT, Media, media_of
from daybook.gateway.transcript.json_access import as_dict
from daybook.ledger.prices import PriceTable
from llm_tracker.usage import Usage

ANSWER_TOKENS = 4096
"""The maximum given to a request that names none: nearly every model can write as much."""

_TEMPLATE = 64
_TOOLS = 2048
_INSTRUCTIONS = ("tools", "functions", "response_format", "output_format", "output_config")
"""Members that make a provider add instructions to the prompt."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a call can take. `money` is in USD, None if a price is unknown or was not asked for."""

    prompt_tokens: int
    completion_tokens: int
    changes: dict[str, Any] = field(default_factory=dict)
    """Members to set in the request before it is sent, so that the bound holds: the answer's maximum."""
    media: Media = field(default_factory=Media)
    money: Decimal | None = None

    @property
    def tokens(self) -> int:
        """Prompt and answer together."""
        return self.prompt_tokens + self.completion_tokens

    def priced(
        self, prices: PriceTable, targets: Iterable[tuple[str, str]], *, at: datetime | None = None
    ) -> "Bound":
        """Return the bound with its highest cost at any of `targets` (pairs of provider and model)."""
        costs = [_most_money(self, prices, provider, model, at) for provider, model in targets]
        known = [cost for cost in costs if cost is not None]
        return replace(self, money=max(known) if known and len(known) == len(costs) else None)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to be bounded."""

    request: dict[str, Any]
    """The parsed body."""
    body_size: int
    """Bytes of the body."""
    media: Media
    prompt_tokens: int
    """The most tokens of the prompt."""
    max_tokens_field: str
    """The provider's name for the answer's maximum in a chat completion."""
    answer_tokens: int
    """The maximum to set if the request names none."""

    @classmethod
    def of(
        cls,
        request: dict[str, Any],
        body_size: int,
        *,
        model: str | None = None,
        max_tokens_field: str = "max_tokens",
        answer_tokens: int = ANSWER_TOKENS,
    ) -> "Asked":
        """Bound the prompt of `request`."""
        named = request.get("model")
        media = media_of(request, model or (named if isinstance(named, str) else ""))
        prompt = max(body_size - media.base64, 0) + media.tokens + _TEMPLATE
        if any(request.get(name) for name in _INSTRUCTIONS):
            prompt += _TOOLS
        if media.unbounded:
            prompt = max(prompt, LARGEST_CONTEXT)
        return cls(request, body_size, media, prompt, max_tokens_field, answer_tokens)


def bound_by_prompt(asked: Asked) -> Bound:
    """Bound a call whose answer costs nothing."""
    return Bound(asked.prompt_tokens, 0, media=asked.media)


def bound_by_maximum(
    asked: Asked, *names: str, times: int = 1, missing: str | None = None, holder: str | None = None
) -> Bound:
    """Bound a written answer by the maximum that the request names.

    `names` are the members that may hold it, in the object `holder` if there is one; `missing` (the first name if None)
    is the one to set if all are absent. `times` is the number of answers.
    """
    request = asked.request
    held = request if holder is None else as_dict(request.get(holder))
    given = [name for name in names if held.get(name) is not None]
    limits = [_limit(held[name]) for name in given]
    if limits and None not in limits:
        most, changes = max(limit for limit in limits if limit is not None), {}
    else:
        most = asked.answer_tokens
        changes = dict.fromkeys(given or [missing or names[0]], most)
        if holder is not None:
            changes = {holder: {**{k: v for k, v in held.items() if k not in names}, names[0]: most}}
    predicted = asked.body_size if request.get("prediction") else 0  # wrong predictions are paid for as well
    return Bound(asked.prompt_tokens, most * times + predicted, changes, asked.media)


def count_of(value: Any) -> int:
    """Return a number of answers as a lenient server reads it: at least 1."""
    number = _number(value)
    return max(number, 1) if number is not None else 1


def _limit(value: Any) -> int | None:
    """Return a maximum as a lenient server reads it; None if it limits nothing (-1 for "no end")."""
    number = _number(value)
    return number if number is not None and number > 0 else None


def _number(value: Any) -> int | None:
    """Return `value` as a lenient server reads a number: `5`, `5.0`, `"5"`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(float(value)) if isinstance(value, str | float) else value
    except (ValueError, OverflowError):
        return None


def _most_money(
    bound: Bound, prices: PriceTable, provider: str, model: str, at: datetime | None
) -> Decimal | None:
    """Return the highest cost of the tokens. Their kinds are unknown, so each counts as the dearest that it may be."""

    def cost(**kinds: Any) -> Decimal | None:
        usage = Usage(bound.prompt_tokens, bound.completion_tokens, bound.tokens, **kinds)
        return prices.cost(model, usage, provider=provider, at=at)

    plain = cost()
    if plain is None:
        return None
    prompts: list[Decimal | None] = [plain]
    answers = [plain, cost(reasoning_tokens=bound.completion_tokens)]
    if bound.media.cache_control:
        written = {"cache_creation": {"ephemeral_1h_input_tokens": bound.prompt_tokens}}
        prompts += [
            cost(cache_write_tokens=bound.prompt_tokens),
            cost(cache_write_tokens=bound.prompt_tokens, raw=written),
        ]
    for modality, there in (("AUDIO", bound.media.audio), ("IMAGE", bound.media.image)):
        if there:
            prompts.append(cost(raw=_all_of("promptTokensDetails", modality, bound.prompt_tokens)))
            answers.append(cost(raw=_all_of("candidatesTokensDetails", modality, bound.completion_tokens)))
    return _dearest(prompts) + _dearest(answers) - plain


def _dearest(costs: Iterable[Decimal | None]) -> Decimal:
    return max(cost for cost in costs if cost is not None)


def _all_of(member: str, modality: str, tokens: int) -> dict[str, Any]:
    """Return a usage object in which all of these tokens are `modality`."""
    return {"promptTokenCount": 0, member: [{"modality": modality, "tokenCount": tokens}]}
