"""`daybook serve`: one port for the pages, the API and the gateway, which runs ahead of every middleware."""

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from daybook.db.engine import Database
from daybook.gateway.app import Gateway
from daybook.gateway.call.authentication import Codes
from daybook.gateway.call.resources import open_resources
from daybook.kit.garbage_collection import tune_garbage_collection
from daybook.kit.process import require_database, run_process
from daybook.settings import Settings
from daybook.web.app import create_app
from daybook.web.pages import Pages
from daybook.web.protocol import GatewayProtocol
from daybook.web.server import Server

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@asynccontextmanager
async def open_gateway(settings: Settings, database: Database, database_url: str) -> AsyncGenerator[Gateway]:
    """Open the gateway. When the block ends, its calls are in its journal, from which a shipper moves them on."""
    async with open_resources(settings, database, database_url, takes_callers=True) as resources:
        yield Gateway(Codes(database), resources)


class Site:
    """The ASGI application of the port."""

    def __init__(self, gateway: Gateway, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._gateway = gateway
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route the request to the gateway or to the application."""
        if scope["type"] == "http" and self._gateway.is_for(scope["path"]):
            await self._gateway(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def serve_async(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Calls in progress then have 20 seconds to end.

    Raises `Unavailable` if no database is configured.
    """
    database_url = require_database(settings.database_url)
    database = Database.connect(database_url, pool=settings.database_pool)
    try:
        async with open_gateway(settings, database, database_url) as gateway:
            config = uvicorn.Config(
                Site(gateway, create_app(database, settings, Pages.built())),
                host=settings.host,
                port=settings.port,
                http=GatewayProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=20,
                backlog=4096,
            )
            tune_garbage_collection()
            await Server(config).serve()
    finally:
        await database.close()


def serve(settings: Settings) -> None:
    """Serve in this process until SIGINT or SIGTERM."""
    run_process(settings.log_level, serve_async(settings))
