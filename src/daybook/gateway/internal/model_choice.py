"""The choice of a model for a purpose."""

from collections.abc import Mapping, Sequence
from typing import Any

from daybook.gateway.apis.chat_completions import CHAT_COMPLETIONS
from daybook.gateway.call.routing import targets_for
from daybook.gateway.errors import Refusal
from daybook.gateway.internal.requests import Model, ModelChoice, Purpose
from daybook.gateway.providers.config import ProviderConfig
from daybook.gateway.providers.local_models import DEMO_CONFIG, DEMO_MODEL
from daybook.settings import Settings

SETTING = "models"
"""The name of a user's setting: `{"models": {"diary": "gpt-5.1", "vision": "…"}}`."""

_VARIABLES: dict[Purpose, str] = {"diary": "DAYBOOK_DIARY_MODEL", "vision": "DAYBOOK_VISION_MODEL"}


def choose(
    configs: Sequence[ProviderConfig],
    settings: Settings,
    purpose: Purpose,
    user_settings: Mapping[str, Any] | None,
) -> ModelChoice:
    """Choose the first that an enabled configuration has: the user's setting, the server's, for diaries the demo
    model. `reason` names those that none has.
    """
    reasons: list[str] = []
    wish = _wish(user_settings, purpose)
    for wished, place in (
        (wish, f"your setting {SETTING}.{purpose}"),
        ({"diary": settings.diary_model, "vision": settings.vision_model}[purpose], _VARIABLES[purpose]),
    ):
        if not wished:
            continue
        problem = _problem(configs, wished)
        if problem is None:
            return _choice(Model(wished, is_demo=_is_demo(wished)), reasons, wish)
        reasons.append(f"The model {wished[:128]!r} of {place} cannot be used: {problem}")
    if purpose == "diary":
        if _problem(configs, DEMO_MODEL) is None:
            return _choice(Model(DEMO_MODEL, is_demo=True), reasons, wish)
        reasons.append("There is no demo model here either.")
    elif not reasons:
        reasons.append("No model that sees pictures is set.")
    reasons.append(f"An administrator can set one: {_VARIABLES[purpose]}.")
    return ModelChoice(None, " ".join(reasons))


def _choice(model: Model, reasons: Sequence[str], wish: str | None) -> ModelChoice:
    """Return the choice. The user's setting is tried first, so any reason means that it was passed over."""
    return ModelChoice(model, " ".join(reasons) or None, wish if reasons else None)


def _wish(user_settings: Mapping[str, Any] | None, purpose: Purpose) -> str | None:
    models = (user_settings or {}).get(SETTING)
    wish = models.get(purpose) if isinstance(models, Mapping) else None
    return wish if isinstance(wish, str) else None


def _problem(configs: Sequence[ProviderConfig], model: str) -> str | None:
    try:
        targets_for(configs, CHAT_COMPLETIONS, model)
    except Refusal as refusal:
        return refusal.message
    return None


def _is_demo(model: str) -> bool:
    return model in {DEMO_MODEL, f"{DEMO_CONFIG}/{DEMO_MODEL}"}
