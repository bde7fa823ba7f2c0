"""The cost of a call in US dollars, computed offline.

Prices come from an administrator (`Price`), else from the table of the installed `genai-prices`, with its
history. Its network update is never started. Money is always `Decimal`; an unknown price is None, and a free
model costs `Decimal(0)`.

Units other than tokens are not priced (web searches, spoken characters, hours of sound). A model sold only by
such units has no price here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from genai_prices.data import providers as _providers
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

from llm_tracker.usage import Usage
from llm_tracker.usage.parts import PricedParts, priced_parts

_MILLION = 1_000_000
_MAX_PRICE = Decimal(1_000_000)
_MAX_MODEL_NAME = 256

_TABLES = {"openai": "openai", "azure_openai": "azure", "gemini": "google", "anthropic": "anthropic"}
"""Our providers' names in the table."""

_VENDORS = {"openai": "openai", "anthropic": "anthropic", "google": "google", "x-ai": "x-ai", "xai": "x-ai"}
"""Vendors of closed models, by the prefix that resellers put before the model's name."""

_OPEN_WEIGHTS = ("gpt-oss", "grok-1", "grok-2")
"""Open models of these vendors."""


@dataclass(frozen=True, slots=True)
class Price:
    """An administrator's price, in US dollars per million tokens.

    `cached_input` and `cache_write` default to `input`, `reasoning` to `output`. `ValueError` names a field that
    is negative, not finite, above a million, or a float, which is not exact.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name not in {"input", "output"}:
                continue
            if type(value) is int:
                value = Decimal(value)
                object.__setattr__(self, field.name, value)
            if not isinstance(value, Decimal):
                raise ValueError(f"{field.name} must be a Decimal, in US dollars per million tokens")  # noqa: TRY004 - one error for every wrong price
            if not value.is_finite() or not 0 <= value <= _MAX_PRICE:
                raise ValueError(
                    f"{field.name} must be from 0 to {_MAX_PRICE} US dollars per million tokens, not {value}"
                )

    def cost(self, usage: Usage) -> Decimal:
        """Return the exact cost of a usage in US dollars."""
        cached, written, fresh = _split_prompt(usage)
        reasoning = min(usage.reasoning_tokens, usage.completion_tokens)
        money = (
            fresh * self.input
            + cached * (self.input if self.cached_input is None else self.cached_input)
            + written * (self.input if self.cache_write is None else self.cache_write)
            + (usage.completion_tokens - reasoning) * self.output
            + reasoning * (self.output if self.reasoning is None else self.reasoning)
        )
        return money / _MILLION


def price_of(
    model: str,
    usage: Usage,
    *,
    provider: str | None = None,
    at: datetime | None = None,
    prices: Mapping[str, Price] | None = None,
) -> Decimal | None:
    """Return the cost of a call in US dollars; None if the price is unknown or not finite.

    An administrator's `prices` take precedence: by `provider/model`, then by `model`. `at` selects a historic
    price (default now; a naive value is UTC).

    `provider` is one of ours (`openai`, `azure_openai`, `gemini`, `anthropic`) or a name in the table
    (`mistral`, `groq`, …), whose price applies. With `openai_compatible`, or none, the host is unknown, and a
    name such as `llama3` does not determine a price. Then only closed models of OpenAI, Anthropic, Google and
    xAI (by their own names or as `vendor/model`) are priced, at their vendor's price.
    """
    if prices and (price := prices.get(f"{provider}/{model}") or prices.get(model)):
        return known(price.cost(usage))
    info = _model(model, provider) if len(model) <= _MAX_MODEL_NAME else None
    if info is None:
        return None
    return known(_table_cost(info.get_prices(at or datetime.now(UTC)), usage))


def known(cost: Decimal | None) -> Decimal | None:
    """Return `cost`; None if it is not finite. One NaN would make every sum NaN."""
    return cost if cost is not None and cost.is_finite() else None


@lru_cache(maxsize=4096)
def _model(model: str, provider: str | None) -> ModelInfo | None:
    if provider is None or provider == "openai_compatible":
        return _closed_model(model)
    table = _table(_TABLES.get(provider, provider))
    return table.find_model(model.removeprefix("models/"), all_providers=_providers) if table else None


def _closed_model(model: str) -> ModelInfo | None:
    """Return the model if its name identifies a vendor's closed model."""
    vendor, separator, name = model.lower().rpartition("/")
    if separator:
        candidates = [_VENDORS.get(vendor)]
    else:
        candidates = [
            table.id
            for table in _providers
            if table.model_match is not None and table.model_match.is_match(name)
        ]
    if len(candidates) != 1 or candidates[0] not in _VENDORS.values() or name.startswith(_OPEN_WEIGHTS):
        return None
    table = _table(candidates[0])
    return table.find_model(name) if table and ":" not in name else None


@lru_cache(maxsize=256)
def _table(provider: str) -> Provider | None:
    return next((table for table in _providers if table.id == provider), None)


def _table_cost(price: ModelPrice, usage: Usage) -> Decimal | None:
    """Return the cost by the table's price. A part without its own price has that of its whole."""
    rates = {
        name: _rate(value, usage.prompt_tokens) for name, value in price.__dict__.items() if value is not None
    }
    if not rates:
        return Decimal(0)  # free
    input_rate, output_rate = rates.get("input_mtok"), rates.get("output_mtok")
    if (input_rate is None and (usage.prompt_tokens or output_rate is None)) or (
        output_rate is None and usage.completion_tokens
    ):
        return None
    parts = priced_parts(usage)
    money = (
        _prompt_cost(rates, input_rate or Decimal(0), usage, parts)
        + _completion_cost(rates, output_rate or Decimal(0), usage, parts)
        + rates.get("requests_kcount", Decimal(0)) * 1000
    )
    return money / _MILLION


def _prompt_cost(rates: dict[str, Decimal], input_rate: Decimal, usage: Usage, parts: PricedParts) -> Decimal:
    cached, written, fresh = _split_prompt(usage)
    cached_audio = min(parts.cached_audio, cached, parts.input_audio)
    audio = min(parts.input_audio - cached_audio, fresh)
    image = min(parts.input_image, fresh - audio)
    hour = min(parts.cache_write_1h, written)
    cached_rate = rates.get("cache_read_mtok", input_rate)
    write_rate = rates.get("cache_write_mtok", input_rate)
    return (
        (fresh - audio - image) * input_rate
        + audio * rates.get("input_audio_mtok", input_rate)
        + image * rates.get("input_image_mtok", input_rate)
        + (cached - cached_audio) * cached_rate
        + cached_audio * rates.get("cache_audio_read_mtok", cached_rate)
        + (written - hour) * write_rate
        + hour * rates.get("cache_write_1h_mtok", write_rate)
    )


def _completion_cost(
    rates: dict[str, Decimal], output_rate: Decimal, usage: Usage, parts: PricedParts
) -> Decimal:
    completion = usage.completion_tokens
    reasoning = min(usage.reasoning_tokens, completion)
    audio = min(parts.output_audio, completion - reasoning)
    image = min(parts.output_image, completion - reasoning - audio)
    return (
        (completion - reasoning - audio - image) * output_rate
        + reasoning * rates.get("output_reasoning_mtok", output_rate)
        + audio * rates.get("output_audio_mtok", output_rate)
        + image * rates.get("output_image_mtok", output_rate)
    )


def _split_prompt(usage: Usage) -> tuple[int, int, int]:
    """Return the prompt's tokens read from the cache, written to it, and others; none counts twice."""
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    written = min(usage.cache_write_tokens, usage.prompt_tokens - cached)
    return cached, written, usage.prompt_tokens - cached - written


def _rate(price: Decimal | TieredPrices, prompt_tokens: int) -> Decimal:
    """Return dollars per million tokens. A tier that a prompt reaches applies to all its tokens."""
    if isinstance(price, Decimal):
        return price
    rate = price.base
    for tier in price.tiers:
        if prompt_tokens > tier.start:
            rate = tier.price
    return rate
