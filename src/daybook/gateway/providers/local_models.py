"""The configurations that come from settings: the offline demo model, or a local server in its place.

`daybook run` calls `seed_local_models` at each start, since the demo model's port changes. Each start sets address,
key and `enabled`; priority and weight stay as an administrator set them. The demo model's price is zero, unless an
administrator sets another.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from daybook.db.engine import Database, WriteSession
from daybook.gateway.providers.base_urls import normalised_base_url
from daybook.gateway.providers.config import ProviderConfig
from daybook.gateway.providers.kinds import OPENAI_COMPATIBLE
from daybook.gateway.providers.models import LLMConfig
from daybook.gateway.providers.probe import listed_models
from daybook.gateway.providers.schemas import MODELS_MAX
from daybook.gateway.providers.service import encrypted_key
from daybook.gateway.providers.vault import Vault
from daybook.ledger.prices import list_prices, set_price
from daybook.ledger.schemas import PriceRequest
from daybook.settings import Settings

DEMO_MODEL = "daybook-demo"
DEMO_CONFIG = "demo"


async def seed_local_models(database: Database, vault: Vault, settings: Settings) -> None:
    """Set `demo` and `local` from the settings; disable the one that is not set.

    Raises `Invalid` for an address that cannot be one.
    """
    demo = local = None
    if settings.demo_url is not None:
        url = normalised_base_url(OPENAI_COMPATIBLE, settings.demo_url)
        demo = _Server(url.removesuffix("/v1") + "/v1", None, (DEMO_MODEL,))
    if settings.model_url is not None:
        local = await _discover(settings.model_url, settings.model_key)
    async with database.write() as session:
        await _seed(session, vault, DEMO_CONFIG, 1000, demo)
        if DEMO_MODEL not in {price.model for price in await list_prices(session)}:
            await set_price(
                session,
                PriceRequest(
                    model=DEMO_MODEL, input=Decimal(0), output=Decimal(0), cached_input=None, cache_write=None
                ),
            )
        await _seed(session, vault, "local", 900, local)


@dataclass(frozen=True, slots=True)
class _Server:
    base_url: str
    key: SecretStr | None
    models: tuple[str, ...] | None
    """None if the server gave no list."""


async def _discover(url: str, key: SecretStr | None) -> _Server:
    """Return the server at `url` and its models. `/v1` is added to a bare address if the server has its API there."""
    base_url = normalised_base_url(OPENAI_COMPATIBLE, url)
    config = ProviderConfig(
        id=0,
        name="local",
        provider=OPENAI_COMPATIBLE,
        base_url=base_url,
        api_key=key.get_secret_value() if key else None,
    )
    models = await listed_models(config)
    if models is None and urlsplit(base_url).path == "":
        versioned = replace(config, base_url=base_url + "/v1")
        models = await listed_models(versioned)
        # A server that does not answer yet may start later, and nearly all have their API under /v1.
        config = versioned
    return _Server(config.base_url, key, models)


async def _seed(
    session: WriteSession, vault: Vault, name: str, priority: int, server: _Server | None
) -> None:
    if server is not None:
        values = {"name": name, "provider": OPENAI_COMPATIBLE.name, "base_url": "", "api_key": ""}
        await session.execute(insert(LLMConfig).values(**values, priority=priority).on_conflict_do_nothing())
    config = await session.scalar(select(LLMConfig).where(LLMConfig.name == name).with_for_update())
    if config is None:
        return
    if server is None:
        config.enabled = False
        return
    config.base_url = server.base_url
    config.api_key = encrypted_key(vault, server.key)
    config.enabled = True
    if server.models:
        config.models = list(server.models[:MODELS_MAX])
