"""The most that a call can take, before it is sent.

The prompt is bounded by the request's bytes, for a token is at least a byte of the text that the model reads; `media`
bounds what is not text. The answer is bounded by the maximum that the request names, times the number of answers (to
each prompt, where there are several); a request that names none is given one. What providers add to every prompt, and
write about tools and schemas, is bounded by `_TEMPLATE` and `_TOOLS`. No bound is known for one that lets a model
search by itself, or puts a long prompt of its own ahead: such a call is recorded truly, and `overrun` tells what it
takes beyond.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from daybook.ledger.budgets.media import LARGEST_CONTEXT, PICTURE, Media, media_of, sound_tokens
from daybook.ledger.prices import PriceTable
from llm_tracker.usage import Usage

ANSWER_TOKENS = 4096
"""What a request that names no maximum is given: what nearly every model can write."""

_TEMPLATE = 64
_TOOLS = 2048
_SAY_HOW = ("tools", "functions", "response_format", "output_format", "output_config")
"""Members by which a provider writes into the prompt how to answer."""
_MOST_PICTURES = 16  # that one request to edit pictures takes
_PAINTED = 10_000  # tokens of a picture that is made
_SPOKEN = 8  # tokens of sound for each byte that is spoken


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that a call can take. `money` is in USD, None where a price is unknown or was not asked for."""

    prompt_tokens: int
    completion_tokens: int
    changes: dict[str, Any] = field(default_factory=dict)
    """Members to be set in the request before it is sent, so that the bound holds. They name the answer's maximum."""
    media: Media = field(default_factory=Media)
    money: Decimal | None = None

    @property
    def tokens(self) -> int:
        """Prompt and answer together."""
        return self.prompt_tokens + self.completion_tokens

    def priced(
        self, prices: PriceTable, targets: Iterable[tuple[str, str]], *, at: datetime | None = None
    ) -> "Bound":
        """The bound with the most that it can cost at any of `targets` (pairs of provider and model)."""
        costs = [_most_money(self, prices, provider, model, at) for provider, model in targets]
        known = [cost for cost in costs if cost is not None]
        return replace(self, money=max(known) if known and len(known) == len(costs) else None)


def most_tokens(
    api: str,
    request: dict[str, Any],
    body_size: int,
    *,
    provider: str = "openai_compatible",
    model: str | None = None,
    answer_tokens: int = ANSWER_TOKENS,
) -> Bound:
    """The most tokens that a call can take. `request` is its parsed body of `body_size` bytes; `api` as in
    `llm_tracker.usage`. `provider` decides under which name the answer's maximum is set where it is missing.
    """
    named = request.get("model")
    media = media_of(request, model or (named if isinstance(named, str) else ""))
    prompt = max(body_size - media.base64, 0) + media.tokens + _TEMPLATE
    if any(request.get(name) for name in _SAY_HOW):
        prompt += _TOOLS
    if media.unbounded:
        prompt = max(prompt, LARGEST_CONTEXT)
    match api:
        case (
            "chat.completions"
            | "completions"
            | "messages"
            | "responses"
            | "generateContent"
            | "streamGenerateContent"
        ):
            completion, changes = _answer(api, request, provider, answer_tokens)
            if request.get("prediction"):
                completion += body_size  # what was foretold wrongly is paid as well
            return Bound(prompt, completion, changes, media)
        case "audio.transcriptions":
            media.audio = True
            return Bound(sound_tokens(body_size), sound_tokens(body_size), media=media)
        case "audio.speech":
            media.audio = True
            return Bound(prompt, _SPOKEN * body_size + 1000, media=media)
        case "images.generations":
            media.image = True
            pictures = _MOST_PICTURES * PICTURE if _has_files(request) else 0
            prompt = min(prompt, LARGEST_CONTEXT) if pictures else prompt
            return Bound(prompt + pictures, _count(request.get("n")) * _PAINTED, media=media)
        case "rerank":
            return Bound(prompt + _repeated(request), 0, media=media)
        case _:
            return Bound(prompt, 0, media=media)


def _answer(api: str, request: dict[str, Any], provider: str, most: int) -> tuple[int, dict[str, Any]]:
    """The tokens of the longest answers, and what must be set in the request for that to be so."""
    match api:
        case "chat.completions":
            missing = "max_completion_tokens" if provider in {"openai", "azure_openai"} else "max_tokens"
            names, times = ("max_completion_tokens", "max_tokens"), _count(request.get("n"))
        case "completions":
            missing, names = "max_tokens", ("max_tokens",)
            times = max(_count(request.get("n")), _count(request.get("best_of")))
            times *= _prompts(request.get("prompt"))
        case "responses":
            missing, names, times = "max_output_tokens", ("max_output_tokens",), 1
        case "messages":
            missing, names, times = "max_tokens", ("max_tokens",), 1
        case _:
            return _gemini_answer(request, most)
    told = [name for name in names if request.get(name) is not None]
    limits = [_limit(request[name]) for name in told]
    if limits and None not in limits:
        return max(limit for limit in limits if limit is not None) * times, {}
    return most * times, dict.fromkeys(told or [missing], most)


def _gemini_answer(request: dict[str, Any], most: int) -> tuple[int, dict[str, Any]]:
    name = "generation_config" if "generation_config" in request else "generationConfig"
    config = request.get(name)
    config = config if isinstance(config, dict) else {}
    times = max(_count(config.get("candidateCount")), _count(config.get("candidate_count")))
    limits = [_limit(config[key]) for key in ("maxOutputTokens", "max_output_tokens") if key in config]
    if limits and None not in limits:
        return max(limit for limit in limits if limit is not None) * times, {}
    kept = {key: value for key, value in config.items() if key != "max_output_tokens"}
    return most * times, {name: {**kept, "maxOutputTokens": most}}


def _limit(value: Any) -> int | None:
    """A maximum as a server may read it; None for what is none, such as -1 for "no end"."""
    number = _number(value)
    return number if number is not None and number > 0 else None


def _count(value: Any) -> int:
    number = _number(value)
    return max(number, 1) if number is not None else 1


def _prompts(prompt: Any) -> int:
    """How many prompts are answered: each text of a list, or each list of token ids."""
    if not isinstance(prompt, list):
        return 1
    return max(sum(not isinstance(one, int) for one in prompt), 1)


def _number(value: Any) -> int | None:
    """`value` as a lenient server reads a number: `5`, `5.0`, `"5"`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(float(value)) if isinstance(value, str | float) else value
    except (ValueError, OverflowError):
        return None


def _repeated(request: dict[str, Any]) -> int:
    """The query, which is read again for every document."""
    query, documents = request.get("query"), request.get("documents")
    if not isinstance(documents, list):
        return 0
    length = len(query.encode("utf-8", "surrogatepass")) if isinstance(query, str) else len(str(query)) * 4
    return length * len(documents)


def _has_files(request: dict[str, Any]) -> bool:
    return any(isinstance(value, str) and value.startswith("<file, ") for value in request.values())


def _most_money(
    bound: Bound, prices: PriceTable, provider: str, model: str, at: datetime | None
) -> Decimal | None:
    """The most that the tokens can cost. What the prompt and the answer consist of is not known, so each is taken for
    the dearest that it may be.
    """

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
    """A usage object that says: all of these tokens are `modality`."""
    return {"promptTokenCount": 0, member: [{"modality": modality, "tokenCount": tokens}]}
