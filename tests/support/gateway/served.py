"""A gateway as it is served: real sockets on both sides, the real database behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from sqlalchemy import text

from daybook.accounts.codes import new_code
from daybook.db.engine import Database
from daybook.gateway.call.resources import GatewayResources
from daybook.settings import Settings
from daybook.shipping import shipper_of
from daybook.web.serve import Site, open_gateway
from support.application.serving import listening


@dataclass(slots=True)
class Gateway:
    """A gateway on loopback with one group, and what tests ask of it."""

    url: str
    database: Database
    http: aiohttp.ClientSession
    settings: Settings
    resources: GatewayResources
    code: str = ""

    def headers(self, **more: str) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.code}",
            **{name.replace("_", "-"): value for name, value in more.items()},
        }

    @asynccontextmanager
    async def post(
        self, path: str, body: Any = None, **headers: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json", **self.headers(**headers)}
        async with self.http.post(self.url + path, data=data, headers=sent) as response:
            yield response

    async def call(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and body, as JSON where it is JSON."""
        async with self.post(path, body, **headers) as response:
            raw = await response.read()
            return response.status, json.loads(raw) if response.content_type == "application/json" else raw

    async def add_config(self, name: str, base_url: str, **columns: Any) -> int:
        from daybook.gateway.providers.vault import Vault

        key = columns.pop("key", "sk-upstream-secret")
        values = {
            "name": name,
            "provider": "openai_compatible",
            "base_url": base_url,
            "models": ["*"],
            "settings": {"retries": 0},
            "priority": 100,
            "weight": 1,
            **columns,
        }
        values["settings"] = json.dumps(values["settings"])
        values["api_key"] = Vault.of(self.settings).encrypt(key)
        names = ", ".join(values)
        places = ", ".join(f":{column}" for column in values)
        async with self.database.write() as session:
            found = await session.execute(
                text(f"INSERT INTO llm_configs ({names}) VALUES ({places}) RETURNING id"), values
            )
            return found.scalar_one()

    async def add_code(self, **columns: Any) -> str:
        code, public_id, hashed = new_code()
        values = {"public_id": public_id, "code_hash": hashed, "group_id": 1, **columns}
        names = ", ".join(values)
        places = ", ".join(f":{column}" for column in values)
        async with self.database.write() as session:
            await session.execute(text(f"INSERT INTO activation_codes ({names}) VALUES ({places})"), values)
        return code

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.database.read() as session:
            return [dict(row) for row in (await session.execute(text(query), values)).mappings()]

    async def lines(self, count: int = 1) -> list[dict[str, Any]]:
        """The ledger's lines, once there are `count`."""
        return await self._when("SELECT * FROM llm_tracker_usage ORDER BY created_at, id", count)

    async def logs(self, count: int = 1) -> list[dict[str, Any]]:
        """The call logs, once there are `count`."""
        return await self._when("SELECT * FROM llm_call_logs ORDER BY id", count)

    async def _when(self, query: str, count: int) -> list[dict[str, Any]]:
        for _ in range(200):
            rows = await self.rows(query)
            if len(rows) >= count:
                return rows
            await asyncio.sleep(0.025)
        raise AssertionError(f"{len(rows)} rows after 5 s, not {count}: {rows}")


@asynccontextmanager
async def shipping(settings: Settings, database: Database, database_url: str) -> AsyncIterator[None]:
    """What `daybook ship` does, in this process; what is in the journals at the end is shipped."""
    shipper = shipper_of(settings, database, database_url)
    task = asyncio.create_task(shipper.run())
    yield
    shipper.stop()
    await task


@asynccontextmanager
async def serving(settings: Settings, database: Database, database_url: str) -> AsyncIterator[Gateway]:
    """A gateway that serves on a free port."""

    async def nothing(scope, receive, send):
        raise AssertionError(f"not the gateway's: {scope['path']}")

    async with (
        shipping(settings, database, database_url),
        open_gateway(settings, database, database_url) as app,
        aiohttp.ClientSession() as http,
        listening(Site(app, nothing)) as url,
    ):
        async with database.write() as session:
            await session.execute(text("INSERT INTO groups (id, name) VALUES (1, 'test')"))
        gateway = Gateway(url, database, http, settings, app._resources)
        gateway.code = await gateway.add_code()
        yield gateway
