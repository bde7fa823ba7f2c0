"""Which provider a model call goes to, and which come after it when that one fails."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from daybook.gateway.apis.api import Api
from daybook.gateway.errors import Refusal
from daybook.gateway.providers.config import ProviderConfig, matches
from daybook.gateway.upstream.requests import speaks


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and the name that it knows the model by."""

    provider: ProviderConfig
    model: str


def targets_for(
    providers: Sequence[ProviderConfig], api: Api, model: str, allowed: Sequence[str] | None = None
) -> list[Target]:
    """The providers of `model`, in the order in which they are tried: those that name it before those whose
    pattern it fits, then by priority, among equals drawn by weight.

    `name/model`, where `name` is a configuration's or a provider's, picks that one. Raises `Refusal` where
    nobody can answer: 503 when nothing is configured or no key can be read, 404 when nobody has the model or
    speaks this API, 403 when it is not among the `allowed` names and patterns (None: all are).
    """
    if not providers:
        raise Refusal(
            503,
            "no_provider",
            "No provider is configured, so no model can answer. "
            "An administrator adds one with 'daybook config set'.",
        )
    serving = _serving(providers, model)
    if not serving:
        raise Refusal(
            404,
            "model_not_found",
            f"No provider configured here has the model {model[:200]!r}. GET /v1/models lists what is there.",
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
    speaking = [target for target in serving if speaks(target.provider, api)]
    if not speaking:
        raise Refusal(
            404,
            "api_not_served",
            f"The model {model[:200]!r} is here, but its provider does not answer this API ({api.tail}).",
            param="model",
            details={"model": model[:200]},
        )
    readable = [target for target in speaking if not target.provider.key_unreadable]
    if not readable:
        raise Refusal(
            503,
            "key_unreadable",
            f"The stored key of {speaking[0].provider.name!r} cannot be decrypted, so it cannot be used. "
            "An administrator sets it anew or brings back secret.key.",
            details={"provider": speaking[0].provider.name},
        )
    return readable if len(readable) == 1 else sorted(readable, key=_draw)


def _serving(providers: Sequence[ProviderConfig], model: str) -> list[Target]:
    """Who has `model`: those that name it so, whatever it looks like (`openai/gpt-4o` is a name at OpenRouter), before
    the one that its prefix picks, before those whose patterns it fits.
    """
    fitting = [Target(one, model) for one in providers if one.serves(model)]
    if any(model in target.provider.models for target in fitting):
        return fitting
    return _picked(providers, model) or fitting


def _picked(providers: Sequence[ProviderConfig], model: str) -> list[Target]:
    prefix, slash, rest = model.partition("/")
    if not slash:
        return []
    named = [one for one in providers if one.name == prefix] or [
        one for one in providers if one.provider == prefix
    ]
    return [Target(one, rest) for one in named if one.serves(rest)]


def _is_allowed(allowed: Sequence[str], *names: str) -> bool:
    return any(matches(pattern, name) for pattern in allowed for name in names)


def _draw(target: Target) -> tuple[bool, int, float]:
    """Sorting by this key draws without replacement, weighted (Efraimidis and Spirakis, 2006)."""
    by_pattern = target.model not in target.provider.models
    return by_pattern, target.provider.priority, -(random.random() ** (1 / target.provider.weight))  # noqa: S311  (not a secret)
