"""Providers and their configurations, for administrators; models for a first program, for every user."""

from typing import Annotated

from fastapi import APIRouter, Depends, status

from daybook.accounts.access import Administrator, AppSettings, CurrentUser
from daybook.db.dependencies import AppDatabase, Reading, Writing
from daybook.gateway.providers import service
from daybook.gateway.providers.first_models import first_models
from daybook.gateway.providers.kinds import PROVIDERS
from daybook.gateway.providers.probe import probe
from daybook.gateway.providers.schemas import (
    ConfigCreate,
    ConfigResponse,
    ConfigUpdate,
    FirstModelsResponse,
    ProbeResponse,
    ProviderResponse,
)
from daybook.gateway.providers.vault import Vault
from daybook.kit.ids import RowId

router = APIRouter(prefix="/api/v1/admin/llm-configs", tags=["provider configurations"])
providers_router = APIRouter(prefix="/api/v1/admin/providers", tags=["provider configurations"])
first_router = APIRouter(prefix="/api/v1/first-models", tags=["me"])


def _vault(settings: AppSettings) -> Vault:
    return Vault.of(settings)


AppVault = Annotated[Vault, Depends(_vault)]


@router.get("")
async def list_configs(_: Administrator, session: Reading, vault: AppVault) -> list[ConfigResponse]:
    """Return every configuration, in the order in which they are tried."""
    return await service.list_configs(session, vault)


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_config(
    body: ConfigCreate, _: Administrator, session: Writing, vault: AppVault
) -> ConfigResponse:
    """Create a configuration."""
    return await service.create_config(session, vault, body)


@router.get("/{config_id}")
async def get_config(config_id: RowId, _: Administrator, session: Reading, vault: AppVault) -> ConfigResponse:
    """Return one configuration."""
    return await service.get_config(session, vault, config_id)


@router.patch("/{config_id}")
async def change_config(
    config_id: RowId, body: ConfigUpdate, _: Administrator, session: Writing, vault: AppVault
) -> ConfigResponse:
    """Change the named fields and keep the rest."""
    return await service.change_config(session, vault, config_id, body)


@router.delete("/{config_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_config(config_id: RowId, _: Administrator, session: Writing) -> None:
    """Delete a configuration. Call logs that name it stay."""
    await service.delete_config(session, config_id)


@router.post("/{config_id}/test")
async def probe_config(
    config_id: RowId, _: Administrator, database: AppDatabase, vault: AppVault
) -> ProbeResponse:
    """Test address and key: request the provider's list of models."""
    async with database.read() as session:
        config = await service.load_config(session, vault, config_id)
    return await probe(config)


@providers_router.get("")
async def list_providers(_: Administrator) -> list[ProviderResponse]:
    """Return the providers that a configuration may name."""
    return [ProviderResponse.model_validate(one, from_attributes=True) for one in PROVIDERS.values()]


@first_router.get("")
async def get_first_models(_: CurrentUser, session: Reading, vault: AppVault) -> FirstModelsResponse:
    """Return a model of each API for a first program, and what answers it here."""
    return first_models(await service.load_configs(session, vault))
