"""The targets of a call: the configurations that have its model, in the order in which they are tried."""

import random
from collections.abc import Sequence

from daybook.gateway.apis.api import Api
from daybook.gateway.errors import Refusal
from daybook.gateway.providers.config import ProviderConfig, Target, matches


def targets_for(
    configs: Sequence[ProviderConfig], api: Api, model: str, allowed: Sequence[str] | None = None
) -> list[Target]:
    """Return the targets of `model` in the order in which they are tried: configurations that name it before those
    whose pattern it fits, then by priority, then at random by weight.

    `name/model` picks the configuration or the provider `name`. Raises `Refusal` if there is no target: 503 without a
    configuration or a readable key, 404 if none has the model or answers this API, 403 if the model is not among the
    `allowed` names and patterns (None: all are).
    """
    if not configs:
        raise Refusal(
            503,
            "no_provider",
            "No provider is configured, so no model can answer. "
            "An administrator adds one with 'daybook config set'.",
        )
    serving = _serving(configs, model)
    if not serving:
        raise Refusal(
            404,
            "model_not_found",
            f"No provider configured here has the model {model[:200]!r}. GET /v1/models lists the models.",
            param="model",
            details={"model": model[:200]},
        )
    if allowed is not None:
        serving = [target for target in serving if _is_allowed(allowed, model, target.model)]
    if allowed is not None and not serving:
        raise Refusal(
            403,
            "model_not_allowed",
            f"This activation code may not use {model[:200]!r}. It may use: {', '.join(allowed)[:500]}.",
            param="model",
        )
    answering = [target for target in serving if target.config.provider.answers(api)]
    if not answering:
        raise Refusal(
            404,
            "api_not_served",
            f"The model {model[:200]!r} is here, but its provider does not answer this API ({api.tail}).",
            param="model",
            details={"model": model[:200]},
        )
    readable = [target for target in answering if not target.config.key_unreadable]
    if not readable:
        raise Refusal(
            503,
            "key_unreadable",
            f"The stored key of {answering[0].config.name!r} cannot be decrypted, so it cannot be used. "
            "An administrator enters the key again or restores secret.key.",
            details={"provider": answering[0].config.name},
        )
    return readable if len(readable) == 1 else sorted(readable, key=_draw)


def _serving(configs: Sequence[ProviderConfig], model: str) -> list[Target]:
    """Return the targets that have `model`. A full name comes first (`openai/gpt-4o` is one at OpenRouter), then the
    configuration that a prefix picks, then patterns.
    """
    fitting = [Target(one, model) for one in configs if one.serves(model)]
    if any(model in target.config.models for target in fitting):
        return fitting
    return _picked(configs, model) or fitting


def _picked(configs: Sequence[ProviderConfig], model: str) -> list[Target]:
    prefix, slash, rest = model.partition("/")
    if not slash:
        return []
    named = [one for one in configs if one.name == prefix] or [
        one for one in configs if one.provider.name == prefix
    ]
    return [Target(one, rest) for one in named if one.serves(rest)]


def _is_allowed(allowed: Sequence[str], *names: str) -> bool:
    return any(matches(pattern, name) for pattern in allowed for name in names)


def _draw(target: Target) -> tuple[bool, int, float]:
    """Sort key that draws by weight without replacement (Efraimidis and Spirakis, 2006)."""
    by_pattern = target.model not in target.config.models
    return by_pattern, target.config.priority, -(random.random() ** (1 / target.config.weight))  # noqa: S311  (not a secret)
