"""Which model a person's first program can call in each API: what a page tells them to paste has to work."""

from collections.abc import Iterator, Sequence

from daybook.gateway.apis import LEADING, Family
from daybook.gateway.local_models import DEMO_MODEL
from daybook.gateway.providers import Provider, ProviderConfig
from daybook.gateway.schemas import FirstModel, FirstModels
from daybook.gateway.upstream import speaks

_USUAL = {
    Provider.OPENAI: "gpt-5-mini",
    Provider.ANTHROPIC: "claude-haiku-4-5",
    Provider.GEMINI: "gemini-2.5-flash",
}
"""A small model that whoever has a key can use, for configurations that name only patterns."""


def first_models(providers: Sequence[ProviderConfig]) -> FirstModels:
    """A model for each API that somebody answers here: the demo model where it can, because it costs nothing."""
    return FirstModels(
        openai=_first(providers, Family.OPENAI),
        anthropic=_first(providers, Family.ANTHROPIC),
        gemini=_first(providers, Family.GEMINI),
    )


def _first(providers: Sequence[ProviderConfig], family: Family) -> FirstModel | None:
    able = [one for one in providers if speaks(one, LEADING[family]) and not one.key_unreadable]
    if any(DEMO_MODEL in one.models for one in able):
        return FirstModel(model=DEMO_MODEL, is_demo=True)
    model = next((name for one in able for name in _names(one)), None)
    return FirstModel(model=model, is_demo=False) if model else None


def _names(provider: ProviderConfig) -> Iterator[str]:
    usual = _USUAL.get(provider.provider)
    if usual is not None and provider.serves(usual):
        yield usual
    yield from provider.exact_models
