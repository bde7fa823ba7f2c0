"""Provider configurations as the gateway uses them: decrypted and immutable."""

from dataclasses import dataclass, field

from daybook.gateway.providers.provider import Provider


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """One enabled provider configuration. Its `repr` shows neither the key nor the headers."""

    id: int
    name: str
    provider: Provider
    base_url: str
    """Without a slash at the end; the provider's own file says what it includes."""
    api_key: str | None = field(default=None, repr=False)
    """None if the provider needs no key, or the key cannot be decrypted."""
    key_unreadable: bool = False
    """True if this server's secret cannot decrypt the key: calls are answered with 503."""
    models: tuple[str, ...] = ("*",)
    """Names, and patterns in which `*` stands for anything."""
    priority: int = 100
    """Lower is tried first."""
    weight: int = 1
    """Share of the calls, among configurations of the same priority."""
    retries: int = 2
    """Attempts after the first, until the first byte of an answer."""
    connect_timeout: float = 10
    """Seconds, here and below; by default the server's settings."""
    first_byte_timeout: float = 300
    idle_timeout: float = 120
    stream_usage: bool = True
    """True if the gateway may ask a stream to report its usage."""
    api_version: str | None = None
    """Azure's `api-version`."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request; names in lower case."""

    def serves(self, model: str) -> bool:
        """Return True if this configuration has `model`."""
        return any(matches(name, model) for name in self.models)

    @property
    def exact_models(self) -> tuple[str, ...]:
        """Models that are named without a pattern, as a list of models can show them."""
        return tuple(name for name in self.models if "*" not in name)


@dataclass(frozen=True, slots=True)
class Target:
    """A configuration and its provider's name of the model."""

    config: ProviderConfig
    model: str


def matches(pattern: str, model: str) -> bool:
    """Return True if `model` fits `pattern`, in which `*` stands for anything. Runs in linear time."""
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
