"""Provider configurations: which providers answer model calls, with which key, in which order.

Keys are encrypted before they are stored (`vault`) and leave only in a `ProviderConfig`, for the gateway.
"""

import logging
from collections.abc import Sequence

from pydantic import SecretStr, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from daybook.db.engine import ReadSession, WriteSession
from daybook.gateway.providers.base_urls import normalised_base_url
from daybook.gateway.providers.config import ProviderConfig
from daybook.gateway.providers.kinds import PROVIDERS
from daybook.gateway.providers.models import LLMConfig
from daybook.gateway.providers.provider import Provider
from daybook.gateway.providers.schemas import ConfigCreate, ConfigResponse, ConfigSettings, ConfigUpdate
from daybook.gateway.providers.vault import KeyUnreadable, Vault
from daybook.kit.errors import Conflict, Invalid, NotFound
from daybook.kit.text import storable
from daybook.settings import Settings
from daybook.settings import settings as process_settings

RESERVED_NAMES = frozenset({"demo", "local"})
"""Configurations that follow DAYBOOK_DEMO_URL and DAYBOOK_MODEL_URL; see `local_models`."""

log = logging.getLogger(__name__)


async def list_configs(session: ReadSession | WriteSession, vault: Vault) -> list[ConfigResponse]:
    """Return every configuration, in the order in which they are tried."""
    return [response_of(config, vault) for config in await _rows(session)]


async def get_config(session: ReadSession | WriteSession, vault: Vault, config_id: int) -> ConfigResponse:
    """Return one configuration. Raises `NotFound`."""
    return response_of(await _row(session, config_id), vault)


async def find_config_id(session: ReadSession | WriteSession, name: str) -> int | None:
    """Return the id of the configuration with this name; None without one."""
    return await session.scalar(select(LLMConfig.id).where(LLMConfig.name == storable(name)))


async def enabled_names(session: ReadSession) -> set[str]:
    """The names of the enabled configurations."""
    return set(await session.scalars(select(LLMConfig.name).where(LLMConfig.enabled)))


async def config_id_of(session: ReadSession | WriteSession, name: str) -> int:
    """Return the id of the configuration with this name. Raises `NotFound`."""
    found = await find_config_id(session, name)
    if found is None:
        raise NotFound(f"There is no configuration named {name!r}.")
    return found


async def create_config(session: WriteSession, vault: Vault, new: ConfigCreate) -> ConfigResponse:
    """Create a configuration. Raises `Conflict` for a taken name and `Invalid` for a wrong address or key."""
    _refuse_reserved(new.name)
    config = LLMConfig(
        name=new.name,
        provider=new.provider,
        base_url=normalised_base_url(PROVIDERS[new.provider], new.base_url),
        api_key=encrypted_key(vault, new.api_key),
        models=_without_repeats(new.models),
        priority=new.priority,
        weight=new.weight,
        enabled=new.enabled,
        settings=new.settings.model_dump(exclude_unset=True),
    )
    session.add(config)
    await _flush(session, new.name)
    await session.refresh(config)
    return response_of(config, vault)


async def change_config(
    session: WriteSession, vault: Vault, config_id: int, change: ConfigUpdate
) -> ConfigResponse:
    """Change what `change` names and keep the rest. Raises `NotFound`, `Conflict` and `Invalid`."""
    config = await _row(session, config_id, for_update=True)
    if change.name is not None and change.name != config.name:
        _refuse_reserved(change.name)
        _refuse_reserved(config.name)
        config.name = change.name
    provider = change.provider or config.provider
    if "base_url" in change.model_fields_set:
        config.provider = provider
        config.base_url = normalised_base_url(_provider(config), change.base_url)
    elif provider != config.provider:
        raise Invalid(
            "A change of provider needs a base_url too (null for the provider's own).",
            code="base_url_missing",
            details={"provider": provider},
        )
    if "api_key" in change.model_fields_set:
        config.api_key = encrypted_key(vault, change.api_key)
    if change.models is not None:
        config.models = _without_repeats(change.models)
    if change.settings is not None:
        config.settings = change.settings.model_dump(exclude_unset=True)
    for name in ("priority", "weight", "enabled"):
        if (value := getattr(change, name)) is not None:
            setattr(config, name, value)
    await _flush(session, config.name)
    await session.refresh(config)
    return response_of(config, vault)


async def delete_config(session: WriteSession, config_id: int) -> None:
    """Delete a configuration; call logs that name it stay. Raises `NotFound`."""
    config = await _row(session, config_id, for_update=True)
    _refuse_reserved(config.name)
    await session.delete(config)
    await session.flush()


async def load_configs(
    session: ReadSession | WriteSession, vault: Vault, *, limits: Settings | None = None
) -> list[ProviderConfig]:
    """Return the enabled configurations, decrypted, in the order in which they are tried.

    One whose key cannot be decrypted is marked, one whose stored settings are damaged has defaults, and one whose
    provider is unknown (a later version wrote it) is left out.
    """
    rows = await _rows(session)
    return [config_of(row, vault, limits=limits) for row in rows if row.enabled and row.provider in PROVIDERS]


async def load_config(session: ReadSession | WriteSession, vault: Vault, config_id: int) -> ProviderConfig:
    """Return one configuration, decrypted. Raises `NotFound`, or `Conflict` if its provider is unknown."""
    return config_of(await _row(session, config_id), vault)


def config_of(config: LLMConfig, vault: Vault, *, limits: Settings | None = None) -> ProviderConfig:
    """Return `config` decrypted. Time-outs that it does not set come from `limits` (the process's settings)."""
    limits = limits or process_settings()
    own = _settings(config)
    key, unreadable = _key(config, vault)
    return ProviderConfig(
        id=config.id,
        name=config.name,
        provider=_provider(config),
        base_url=config.base_url,
        api_key=key,
        key_unreadable=unreadable,
        models=tuple(config.models),
        priority=config.priority,
        weight=config.weight,
        retries=own.retries,
        connect_timeout=own.connect_timeout or limits.connect_timeout,
        first_byte_timeout=own.first_byte_timeout or limits.first_byte_timeout,
        idle_timeout=own.idle_timeout or limits.idle_timeout,
        stream_usage=own.stream_usage,
        api_version=own.api_version,
        headers=tuple(own.headers.items()),
    )


def response_of(config: LLMConfig, vault: Vault) -> ConfigResponse:
    """Return `config` without its key."""
    return ConfigResponse(
        id=config.id,
        name=config.name,
        provider=config.provider,
        supported=config.provider in PROVIDERS,
        base_url=config.base_url,
        has_key=config.api_key != "",
        key_unreadable=_key(config, vault)[1],
        models=list(config.models),
        priority=config.priority,
        weight=config.weight,
        enabled=config.enabled,
        settings=_settings(config),
        created_at=config.created_at,
        updated_at=config.updated_at,
    )


def encrypted_key(vault: Vault, key: SecretStr | None) -> str:
    """Return `key` as the column keeps it: encrypted, or empty without a key. Raises `Invalid`."""
    text = key.get_secret_value().strip() if key else ""
    if not text:
        return ""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Invalid(
            "api_key has characters that no provider's key has. Copy it again, without line breaks.",
            code="bad_api_key",
        )
    return vault.encrypt(text)


def _provider(config: LLMConfig) -> Provider:
    provider = PROVIDERS.get(config.provider)
    if provider is None:
        raise Conflict(
            f"This version of Daybook does not know the provider {config.provider!r} of {config.name!r}. "
            f"Known: {', '.join(PROVIDERS)}.",
            code="provider_unknown",
            details={"provider": config.provider},
        )
    return provider


async def _rows(session: ReadSession | WriteSession) -> Sequence[LLMConfig]:
    return (await session.scalars(select(LLMConfig).order_by(LLMConfig.priority, LLMConfig.id))).all()


async def _row(session: ReadSession | WriteSession, config_id: int, *, for_update: bool = False) -> LLMConfig:
    config = await session.get(LLMConfig, config_id, with_for_update=for_update or None)
    if config is None:
        raise NotFound(f"There is no configuration {config_id}.")
    return config


async def _flush(session: WriteSession, name: str) -> None:
    try:
        await session.flush()
    except IntegrityError:
        raise Conflict(
            f"There is a configuration named {name!r} already.", code="config_taken", details={"name": name}
        ) from None


def _key(config: LLMConfig, vault: Vault) -> tuple[str | None, bool]:
    """Return the key, and whether there is one that cannot be decrypted."""
    if config.api_key == "":
        return None, False
    try:
        return vault.decrypt(config.api_key), False
    except KeyUnreadable:
        return None, True


def _settings(config: LLMConfig) -> ConfigSettings:
    try:
        return ConfigSettings.model_validate(config.settings)
    except ValidationError:
        log.warning("The settings of configuration %s are damaged; defaults are used.", config.name)
        return ConfigSettings()  # pyright: ignore[reportCallIssue]  (every field has a default)


def _refuse_reserved(name: str) -> None:
    if name in RESERVED_NAMES:
        raise Conflict(
            f"The configuration {name!r} is Daybook's own: each start sets it from DAYBOOK_DEMO_URL or "
            "DAYBOOK_MODEL_URL. It can be changed and disabled; choose another name for a new one.",
            code="config_reserved",
            details={"name": name},
        )


def _without_repeats(models: list[str]) -> list[str]:
    return list(dict.fromkeys(models))
