"""Providers as the gateway's hot path sees them: decrypted, immutable, in the order they are tried."""

from dataclasses import dataclass, field
from enum import StrEnum


class Provider(StrEnum):
    """Whose API a configuration speaks. It decides the URL's shape and how the key is shown."""

    OPENAI = "openai"
    AZURE_OPENAI = "azure_openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    OPENAI_COMPATIBLE = "openai_compatible"


DEFAULT_BASE_URLS = {
    Provider.OPENAI: "https://api.openai.com/v1",
    Provider.ANTHROPIC: "https://api.anthropic.com",
    Provider.GEMINI: "https://generativelanguage.googleapis.com",
}
"""Base URLs as the official SDKs take them: OpenAI's with its version, Anthropic's and Gemini's without.
Azure's is the resource's endpoint, without `/openai`; it and `openai_compatible` have no default."""


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """One enabled provider configuration. Its `repr` shows neither the key nor the headers."""

    id: int
    name: str
    provider: Provider
    base_url: str
    """Without a slash at the end; see `DEFAULT_BASE_URLS` for what it includes."""
    api_key: str | None = field(default=None, repr=False)
    """None where the provider wants no key, or where it cannot be read."""
    key_unreadable: bool = False
    """There is a key, but not one that this server's secret can decrypt: answer calls with 503."""
    models: tuple[str, ...] = ("*",)
    """Names, and patterns in which `*` stands for anything."""
    priority: int = 100
    """Lower is tried first."""
    weight: int = 1
    """How often, among those of the same priority."""
    retries: int = 2
    """Further attempts on this configuration, after the first, while no byte of an answer has come."""
    connect_timeout: float = 10
    """Seconds, here and below; the server's settings where the configuration has none of its own."""
    first_byte_timeout: float = 300
    idle_timeout: float = 120
    stream_usage: bool = True
    """Whether the gateway may ask a stream to report its usage."""
    api_version: str | None = None
    """Azure's `api-version`."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request; names in lower case."""

    def serves(self, model: str) -> bool:
        """Whether this configuration answers for `model`."""
        return any(matches(name, model) for name in self.models)

    @property
    def exact_models(self) -> tuple[str, ...]:
        """The models that are named in full: what a list of models can show."""
        return tuple(name for name in self.models if "*" not in name)


def matches(pattern: str, model: str) -> bool:
    """Whether `model` is `pattern`, in which `*` stands for anything; in linear time, however long a name is
    sent.
    """
    if "*" not in pattern:
        return pattern == model
    first, *middle, last = pattern.split("*")
    if len(model) < len(first) + len(last) or not model.startswith(first) or not model.endswith(last):
        return False
    at, end = len(first), len(model) - len(last)
    for part in middle:
        at = model.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
