"""Which model a person's first program names in each API: what a page tells them to paste has to work."""

from collections.abc import Iterator, Sequence

from daybook.gateway.apis.families import ANTHROPIC_FAMILY, GEMINI_FAMILY, OPENAI_FAMILY, Family
from daybook.gateway.apis.table import leading
from daybook.gateway.providers.config import Provider, ProviderConfig
from daybook.gateway.providers.local_models import DEMO_MODEL
from daybook.gateway.providers.schemas import FirstModel, FirstModelsResponse
from daybook.gateway.upstream.requests import speaks

_USUAL = {
    Provider.OPENAI: "gpt-5-mini",
    Provider.ANTHROPIC: "claude-haiku-4-5",
    Provider.GEMINI: "gemini-2.5-flash",
}
"""A small model that whoever has a key can use, for configurations that name only patterns and for none."""


def first_models(providers: Sequence[ProviderConfig]) -> FirstModelsResponse:
    """A model for each API: the demo model where it answers, because it costs nothing; where nobody does, the usual."""
    return FirstModelsResponse(
        openai=_first(providers, OPENAI_FAMILY),
        anthropic=_first(providers, ANTHROPIC_FAMILY),
        gemini=_first(providers, GEMINI_FAMILY),
    )


def _first(providers: Sequence[ProviderConfig], family: Family) -> FirstModel:
    able = [one for one in providers if speaks(one, leading(family)) and not one.key_unreadable]
    if any(DEMO_MODEL in one.models for one in able):
        return FirstModel(model=DEMO_MODEL, answered_by="demo")
    model = next((name for one in able for name in _names(one)), None)
    if model is not None:
        return FirstModel(model=model, answered_by="provider")
    return FirstModel(model=_USUAL[Provider(family.name)], answered_by="nothing")


def _names(provider: ProviderConfig) -> Iterator[str]:
    usual = _USUAL.get(provider.provider)
    if usual is not None and provider.serves(usual):
        yield usual
    yield from provider.exact_models
