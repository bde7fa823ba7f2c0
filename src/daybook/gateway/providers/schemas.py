"""Request and response bodies of provider configurations. Keys go in and never come out."""

import re
from datetime import datetime
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len
from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints

from daybook.gateway.providers.kinds import PROVIDERS
from daybook.kit.schemas import RequestModel


def _known_provider(name: str) -> str:
    if name not in PROVIDERS:
        raise ValueError(f"unknown provider; known: {', '.join(PROVIDERS)}")
    return name


ProviderName = Annotated[
    str, AfterValidator(_known_provider), Field(description="A name from GET /api/v1/admin/providers.")
]
ConfigName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
ModelName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]+$", max_length=128)]
Priority = Annotated[int, Ge(0), Le(1_000_000)]
Weight = Annotated[int, Ge(1), Le(1_000_000)]
Seconds = Annotated[float, Gt(0), Le(86_400)]
MODELS_MAX = 1000

# Headers whose values are credentials, or which a proxy must set itself.
_FORBIDDEN = re.compile(
    r"auth|key|token|secret|cookie|password|credential"
    r"|^(host|connection|content-.*|transfer-encoding|te|trailer|upgrade|keep-alive|accept-encoding|expect)$"
)
_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,128}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,1024}")


def _plain_headers(headers: dict[str, str]) -> dict[str, str]:
    plain = {name.lower(): value for name, value in headers.items()}
    for name, value in plain.items():
        if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError("a header's name or value has characters that a header cannot have")
        if _FORBIDDEN.search(name):
            raise ValueError(f"the header {name} cannot be set: credentials belong in api_key")
    return plain


class ConfigSettings(RequestModel):
    """Less common settings of a configuration."""

    api_version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,32}$")] | None = Field(
        None, description="Azure's api-version."
    )
    headers: Annotated[dict[str, str], Len(0, 32), AfterValidator(_plain_headers)] = Field(
        default_factory=dict, description="Sent with every request; not for credentials: they are shown."
    )
    retries: Annotated[int, Ge(0), Le(10)] = Field(
        2, description="Further attempts after the first one failed."
    )
    connect_timeout: Seconds | None = Field(None, description="Seconds; the server's setting if absent.")
    first_byte_timeout: Seconds | None = Field(None, description="Seconds; the server's setting if absent.")
    idle_timeout: Seconds | None = Field(None, description="Seconds; the server's setting if absent.")
    stream_usage: bool = Field(
        default=True, description="true: the gateway may ask streams to report their usage."
    )


class ConfigCreate(RequestModel):
    """A new configuration."""

    name: ConfigName
    provider: ProviderName
    base_url: str | None = Field(None, max_length=2048, description="The provider's own if absent.")
    api_key: SecretStr | None = Field(None, max_length=4096, description="Never shown again.")
    models: Annotated[list[ModelName], Len(1, MODELS_MAX)] = Field(
        default=["*"], description="Names and patterns: gpt-4o, gpt-*, *."
    )
    priority: Priority = Field(100, description="Lower is tried first.")
    weight: Weight = Field(1, description="Share of the calls, among configurations of the same priority.")
    enabled: bool = True
    settings: ConfigSettings = ConfigSettings()  # pyright: ignore[reportCallIssue]  (all fields have defaults)


class ConfigUpdate(RequestModel):
    """Changes of a configuration; absent fields stay. A null `api_key` removes the key."""

    name: ConfigName | None = None
    provider: ProviderName | None = None
    base_url: str | None = Field(None, max_length=2048, description="null: the provider's own.")
    api_key: SecretStr | None = Field(None, max_length=4096, description="null: no key.")
    models: Annotated[list[ModelName], Len(1, MODELS_MAX)] | None = None
    priority: Priority | None = None
    weight: Weight | None = None
    enabled: bool | None = None
    settings: ConfigSettings | None = Field(None, description="Replaced as a whole.")


class ProviderResponse(BaseModel):
    """A provider that configurations may name."""

    name: str
    label: str = Field(description="The name for people.")
    default_base_url: str | None = Field(description="null: a configuration must have its own.")


class ConfigResponse(BaseModel):
    """A configuration. Its key is never shown."""

    id: int
    name: str
    provider: str
    supported: bool = Field(
        description="false: this version of Daybook does not know the provider and sends it no calls."
    )
    base_url: str
    has_key: bool
    key_unreadable: bool
    models: list[str]
    priority: int
    weight: int
    enabled: bool
    settings: ConfigSettings
    created_at: datetime
    updated_at: datetime


Finding = Literal[
    "key_accepted", "no_key_wanted", "key_refused", "key_wanted", "key_unreadable", "silent", "untrusted", "no_host",
    "nobody_there", "not_http", "no_list", "no_list_v1", "asks_to_wait", "elsewhere", "failing", "no_models",
]  # fmt: skip
"""The result of a small request to a provider."""


class ProbeResponse(BaseModel):
    """The result of a small request to a provider."""

    ok: bool
    reachable: bool
    key_accepted: bool | None = Field(description="null if the answer does not say.")
    models: int | None = Field(description="Number of models that the provider lists; null without a list.")
    missing_models: list[str] = Field(description="Models that are configured by name and not listed.")
    finding: Finding
    message: str = Field(description="The finding in words.")
    details: dict[str, str | int | float] = Field(description="The values in `message`.")
    duration_ms: int


class FirstModel(BaseModel):
    """A model for a first program."""

    model: str
    answered_by: Literal["provider", "demo", "nothing"] = Field(
        description="A provider at its price; the offline demo model, which costs nothing; "
        "or nothing, until an administrator adds a provider."
    )


class FirstModelsResponse(BaseModel):
    """A model for each API, and what answers it here."""

    openai: FirstModel
    anthropic: FirstModel
    gemini: FirstModel
