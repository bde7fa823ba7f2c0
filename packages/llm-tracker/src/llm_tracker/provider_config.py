"""One provider's settings, typed and validated."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from llm_tracker.errors import ConfigurationError

_LONGEST_TIMEOUT = 30 * 86_400  # seconds; sockets reject much longer ones
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)


@dataclass(frozen=True, repr=False)
class ProviderConfig:
    """One provider's complete settings. Hashable, since services are cached by it."""

    source: str  # its setting's name, for error messages
    provider: str
    api_key: str | None = None
    api_base: str | None = None
    model: str | None = None  # None: the first that the server lists
    deployment: str | None = None  # Azure: the name in the URL, if it is not the model's
    api_version: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    timeout: float | None = None  # seconds; None: the SDK's own
    max_retries: int = 2
    organization: str | None = None
    project: str | None = None
    include_usage: bool = True  # request the usage of streams; off for servers that reject it
    default_headers: tuple[tuple[str, str], ...] = ()
    transport: Any = None  # an httpx2 transport instead of the network

    def __repr__(self) -> str:
        """Show name and model only: headers and URLs may have keys."""
        return (
            f"ProviderConfig(provider={self.provider!r}, model={self.model!r}, has_key={bool(self.api_key)})"
        )

    def secrets(self) -> tuple[str, ...]:
        """Return the strings that must never reach a log, a record or an error."""
        headers = [value for name, value in self.default_headers if _SECRET_HEADER.search(name)]
        found = [self.api_key, urlsplit(self.api_base or "").password, *headers]
        return tuple(secret for secret in found if secret)


def checked_config(source: str, provider: str, values: Mapping[str, Any]) -> ProviderConfig:
    """Return the typed config. Raises ConfigurationError naming the key, without its value.

    Unknown keys are ignored: others may share the setting.
    """
    text: dict[str, str | None] = {}
    for key in ("api_key", "api_base", "model", "deployment", "api_version", "organization", "project"):
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{source}['{key}'] must be text, not {type(value).__name__}")
        text[key] = value.strip() or None if value else None
    _check_address(source, text["api_base"])
    _check_key(source, text["api_key"])
    headers = values.get("default_headers") or {}
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"{source}['default_headers'] must be a mapping of names to values")
    tokens, retries = _number(source, values, "max_tokens"), _number(source, values, "max_retries")
    timeout = _number(source, values, "timeout")
    if timeout is not None and not 0 < timeout <= _LONGEST_TIMEOUT:
        raise ConfigurationError(f"{source}['timeout'] must be more than 0 seconds, and less than a month")
    for key, number, least in (("max_tokens", tokens, 1), ("max_retries", retries, 0)):
        if number is not None and (number < least or number != int(number)):
            raise ConfigurationError(f"{source}['{key}'] must be a whole number, at least {least}")
    return ProviderConfig(
        source=source,
        provider=provider,
        max_tokens=None if tokens is None else int(tokens),
        temperature=_number(source, values, "temperature"),
        timeout=timeout,
        max_retries=2 if retries is None else int(retries),
        include_usage=bool(values.get("include_usage", True)),
        default_headers=tuple((str(name), str(value)) for name, value in headers.items()),
        transport=values.get("transport"),
        **text,
    )


def _check_address(source: str, address: str | None) -> None:
    try:
        parts = urlsplit(address or "http://none")
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid port, an open bracket
        usable = False
    if not usable:
        raise ConfigurationError(f"{source}['api_base'] must be an address such as http://127.0.0.1:11434/v1")


def _check_key(source: str, key: str | None) -> None:
    """Reject characters that no header can have; the SDK's error would show the key."""
    if key is not None and not (key.isascii() and key.isprintable()):
        raise ConfigurationError(f"{source}['api_key'] has a character that keys cannot have")


def _number(source: str, values: Mapping[str, Any], key: str) -> float | None:
    value = values.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigurationError(f"{source}['{key}'] must be a number")
    return value
