"""An application on a loopback port, in this process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from daybook.web.protocol import GatewayProtocol


class _Server(uvicorn.Server):
    """Stops at once: uvicorn's own looks every 0.1 s whether it should, and waits as long for connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop = asyncio.Event()

    def install_signal_handlers(self) -> None:
        """Leave signals to the tests."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        async with asyncio.timeout(30):
            while self.server_state.connections or self.server_state.tasks:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """The address at which `app` is served until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=GatewayProtocol, ws="none", lifespan="off", log_config=None, access_log=False
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[free]))
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{free.getsockname()[1]}"
        server.stop.set()
        await task
