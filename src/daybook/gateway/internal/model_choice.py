"""Which model serves what Daybook needs one for."""

from collections.abc import Mapping, Sequence
from typing import Any

from daybook.gateway.apis.chat_completions import CHAT_COMPLETIONS
from daybook.gateway.call.routing import targets_for
from daybook.gateway.errors import Refusal
from daybook.gateway.internal.requests import Choice, Model, Purpose
from daybook.gateway.providers.config import ProviderConfig
from daybook.gateway.providers.local_models import DEMO_CONFIG, DEMO_MODEL
from daybook.settings import Settings

SETTING = "models"
"""The name of a person's setting: `{"models": {"diary": "gpt-5.1", "vision": "…"}}`."""

_VARIABLES: dict[Purpose, str] = {"diary": "DAYBOOK_DIARY_MODEL", "vision": "DAYBOOK_VISION_MODEL"}


def choose(
    providers: Sequence[ProviderConfig],
    settings: Settings,
    purpose: Purpose,
    user_settings: Mapping[str, Any] | None,
) -> Choice:
    """The model for `purpose`: what the person wishes, else what the server is set to, else for diaries the demo model.

    The first of them that an enabled configuration has; `reason` tells of one that none has.
    """
    reasons: list[str] = []
    wish = _wish(user_settings, purpose)
    for wished, place in (
        (wish, f"your setting {SETTING}.{purpose}"),
        ({"diary": settings.diary_model, "vision": settings.vision_model}[purpose], _VARIABLES[purpose]),
    ):
        if not wished:
            continue
        problem = _problem(providers, wished)
        if problem is None:
            return _choice(Model(wished, is_demo=_is_demo(wished)), reasons, wish)
        reasons.append(f"The model {wished[:128]!r} of {place} cannot be used: {problem}")
    if purpose == "diary":
        if _problem(providers, DEMO_MODEL) is None:
            return _choice(Model(DEMO_MODEL, is_demo=True), reasons, wish)
        reasons.append("There is no demo model here either.")
    elif not reasons:
        reasons.append("No model that sees pictures is set.")
    reasons.append(f"An administrator can set one: {_VARIABLES[purpose]}.")
    return Choice(None, " ".join(reasons))


def _choice(model: Model, reasons: Sequence[str], wish: str | None) -> Choice:
    """The person's wish was looked at first: where there are reasons, it was passed over."""
    return Choice(model, " ".join(reasons) or None, wish if reasons else None)


def _wish(user_settings: Mapping[str, Any] | None, purpose: Purpose) -> str | None:
    models = (user_settings or {}).get(SETTING)
    wish = models.get(purpose) if isinstance(models, Mapping) else None
    return wish if isinstance(wish, str) else None


def _problem(providers: Sequence[ProviderConfig], model: str) -> str | None:
    try:
        targets_for(providers, CHAT_COMPLETIONS, model)
    except Refusal as refusal:
        return refusal.message
    return None


def _is_demo(model: str) -> bool:
    return model in {DEMO_MODEL, f"{DEMO_CONFIG}/{DEMO_MODEL}"}
