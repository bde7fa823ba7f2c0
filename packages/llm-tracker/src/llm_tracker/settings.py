"""The library's settings and their sources.

Each setting is looked up by name; the first source that has it wins:

1. `llm_tracker.configure(...)`,
2. Django's `settings`, if a Django project is loaded and configured,
3. the environment (a `*_CONFIG` is a JSON object).

Every call looks them up, so a change applies to the next one.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_tracker.errors import ConfigurationError
from llm_tracker.provider_config import ProviderConfig, checked_config

DEFAULT_DATABASE_URL = "sqlite:///llm_tracker.db"
GEMINI_BASE = "https://generativelanguage.googleapis.com/v1beta/openai/"
AZURE_API_VERSION = "2024-10-21"

_SHORT_NAMES = {
    "PROVIDER": "LLM_PROVIDER",
    "DATABASE_URL": "LLM_TRACKER_DATABASE_URL",
    "SPILL_FILE": "LLM_TRACKER_SPILL_FILE",
}
SETTING_NAMES = (
    "LLM_PROVIDER",
    "OPENAI_CONFIG",
    "AZURE_OPENAI_CONFIG",
    "GEMINI_CONFIG",
    "OPENAI_COMPATIBLE_CONFIG",
    "LLM_TRACKER_DATABASE_URL",
    "LLM_TRACKER_SPILL_FILE",
)


@dataclass(frozen=True, slots=True)
class _Provider:
    """One value of LLM_PROVIDER: its config settings, required keys and defaults."""

    configs: tuple[str, ...]
    required: tuple[str, ...]
    defaults: Mapping[str, Any]
    environment: Mapping[str, tuple[str, ...]]  # read if none of `configs` is set


PROVIDERS: Mapping[str, _Provider] = {
    "openai": _Provider(
        configs=("OPENAI_CONFIG",),
        required=("api_key",),
        defaults={"model": "gpt-4.1-mini"},
        environment={
            "api_key": ("OPENAI_API_KEY",),
            "api_base": ("OPENAI_BASE_URL",),
            "model": ("OPENAI_MODEL",),
        },
    ),
    "azure_openai": _Provider(
        configs=("AZURE_OPENAI_CONFIG",),
        required=("api_key", "api_base"),
        defaults={"model": "gpt-4.1-mini", "api_version": AZURE_API_VERSION},
        environment={
            "api_key": ("AZURE_OPENAI_API_KEY",),
            "api_base": ("AZURE_OPENAI_ENDPOINT",),
            "api_version": ("OPENAI_API_VERSION",),
            "deployment": ("AZURE_OPENAI_DEPLOYMENT",),
        },
    ),
    "gemini": _Provider(
        configs=("GEMINI_CONFIG",),
        required=("api_key",),
        defaults={"model": "gemini-2.5-flash", "api_base": GEMINI_BASE},
        environment={"api_key": ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "model": ("GEMINI_MODEL",)},
    ),
    "openai_compatible": _Provider(
        configs=("OPENAI_COMPATIBLE_CONFIG", "OPENAI_CONFIG"),
        required=("api_base",),
        defaults={},
        environment={
            "api_key": ("OPENAI_API_KEY",),
            "api_base": ("OPENAI_BASE_URL",),
            "model": ("OPENAI_MODEL",),
        },
    ),
}


_configured: dict[str, Any] = {}


def configure(settings: Mapping[str, Any] | None = None, /, **named: Any) -> None:
    """Set settings by name, for this process: `configure(LLM_PROVIDER="openai", OPENAI_CONFIG={...})`.

    A mapping is accepted, too. Each name replaces its earlier value; None removes it, so that Django and the
    environment apply again. Names may be lower-case, and `provider`, `database_url` and `spill_file` are short
    forms.
    """
    global _configured  # noqa: PLW0603  # replaced whole, so that other threads see old or new
    changed = dict(_configured)
    for given, value in {**(settings or {}), **named}.items():
        name = _SHORT_NAMES.get(given.upper(), given.upper())
        if name not in SETTING_NAMES:
            raise ConfigurationError(f"{given} is not a setting; use one of {', '.join(SETTING_NAMES)}")
        changed[name] = dict(value) if isinstance(value, Mapping) else value
    _configured = {name: value for name, value in changed.items() if value is not None}


def current() -> Mapping[str, Any]:
    """Return the configured settings, to restore them later."""
    return _configured


def replace(settings: Mapping[str, Any]) -> None:
    """Replace all configured settings."""
    global _configured  # noqa: PLW0603  # as in configure
    _configured = dict(settings)


def provider_config() -> ProviderConfig:
    """Return the config of the provider in LLM_PROVIDER (default: openai).

    Raises ConfigurationError (a ValueError) naming the missing or invalid key.
    """
    name = _setting("LLM_PROVIDER")
    name = "openai" if name is None else name
    if not isinstance(name, str) or name.strip().lower() not in PROVIDERS:
        raise ConfigurationError(f"LLM_PROVIDER must be one of {', '.join(PROVIDERS)}, not {_shown(name)}")
    name = name.strip().lower()
    provider = PROVIDERS[name]
    source, values = _provider_values(provider)
    for key in provider.required:
        if not isinstance(values.get(key), str) or not values[key].strip():
            raise ConfigurationError(
                f"{source}['{key}'] is missing: the provider {name} needs it. "
                f"Set it with llm_tracker.configure({source}={{...}}), in Django's settings, or as JSON in "
                f"the environment variable {source}"
            )
    return checked_config(source, name, {**provider.defaults, **values})


def database_url() -> str:
    """Return LLM_TRACKER_DATABASE_URL, else a SQLite file in the working directory."""
    url = _setting("LLM_TRACKER_DATABASE_URL")
    if url is None:
        return DEFAULT_DATABASE_URL
    if isinstance(url, os.PathLike):
        return f"sqlite:///{os.fspath(url)}"
    if not isinstance(url, str) or not url.strip():
        raise ConfigurationError("LLM_TRACKER_DATABASE_URL must be a URL such as sqlite:///calls.db")
    return url.strip()


def spill_file() -> Path | None:
    """Return LLM_TRACKER_SPILL_FILE; None for the default beside the database."""
    path = _setting("LLM_TRACKER_SPILL_FILE")
    if path is None:
        return None
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ConfigurationError("LLM_TRACKER_SPILL_FILE must be the path of a file")
    return Path(os.fsdecode(path))


def _setting(name: str) -> Any:
    if name in _configured:
        return _configured[name]
    if (value := _from_django(name)) is not None:
        return value
    return os.environ.get(name) or None


def _from_django(name: str) -> Any:
    """Return a setting of Django, which is never imported here: a project that uses it has done so."""
    django = sys.modules.get("django.conf")
    settings = getattr(django, "settings", None)
    if settings is None or not getattr(settings, "configured", False):
        return None
    return getattr(settings, name, None)


def _provider_values(provider: _Provider) -> tuple[str, dict[str, Any]]:
    """Return the name of the provider's config setting, and its content."""
    for source in provider.configs:
        value = _setting(source)
        if value is not None:
            return source, _as_mapping(source, value)
    values: dict[str, Any] = {}
    for key, variables in provider.environment.items():
        values[key] = next((os.environ[name] for name in variables if os.environ.get(name)), None)
    return provider.configs[0], {key: value for key, value in values.items() if value is not None}


def _as_mapping(source: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ConfigurationError(
                f'{source} must be a JSON object such as {{"api_key": "..."}}; it is not JSON'
            ) from None
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{source} must be a mapping of names to values, not {type(value).__name__}")
    values: dict[str, Any] = {str(key): item for key, item in value.items() if item is not None}
    if "base_url" in values:
        values.setdefault("api_base", values.pop("base_url"))
    return values


def _shown(value: Any) -> str:
    return repr(value if isinstance(value, str) else type(value).__name__)[:60]
