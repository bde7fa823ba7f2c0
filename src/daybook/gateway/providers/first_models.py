"""A model of each API for a user's first program: what a page tells a user to paste has to work."""

from collections.abc import Iterator, Sequence

from daybook.gateway.apis.families import ANTHROPIC_FAMILY, GEMINI_FAMILY, OPENAI_FAMILY, Family
from daybook.gateway.apis.table import leading
from daybook.gateway.providers.config import ProviderConfig
from daybook.gateway.providers.kinds import ANTHROPIC, GEMINI, OPENAI
from daybook.gateway.providers.local_models import DEMO_MODEL
from daybook.gateway.providers.provider import Provider
from daybook.gateway.providers.schemas import FirstModel, FirstModelsResponse


def first_models(configs: Sequence[ProviderConfig]) -> FirstModelsResponse:
    """Return the demo model for each API that it answers, since it is free; else a configured one, else the usual."""
    return FirstModelsResponse(
        openai=_first(configs, OPENAI_FAMILY, OPENAI),
        anthropic=_first(configs, ANTHROPIC_FAMILY, ANTHROPIC),
        gemini=_first(configs, GEMINI_FAMILY, GEMINI),
    )


def _first(configs: Sequence[ProviderConfig], family: Family, usual: Provider) -> FirstModel:
    able = [one for one in configs if one.provider.answers(leading(family)) and not one.key_unreadable]
    if any(DEMO_MODEL in one.models for one in able):
        return FirstModel(model=DEMO_MODEL, answered_by="demo")
    model = next((name for one in able for name in _names(one)), None)
    if model is not None:
        return FirstModel(model=model, answered_by="provider")
    return FirstModel(model=usual.first_model or "", answered_by="nothing")


def _names(config: ProviderConfig) -> Iterator[str]:
    first = config.provider.first_model
    if first is not None and config.serves(first):
        yield first
    yield from config.exact_models
