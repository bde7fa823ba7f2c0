"""A provider on loopback that plays recorded exchanges: status, content type and bytes as they were."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from support.gateway.recorded import Recorded, recorded
from support.gateway.upstream import Received

PLAY = "play/"
"""A call whose user agent is this and an exchange's id is answered with that exchange; user agents pass the
gateway unchanged."""


class Replay:
    """The provider. What names no exchange is answered with `now`."""

    def __init__(self) -> None:
        self.now: Recorded | None = None
        self.received: dict[str, list[Received]] = {}
        self.url = ""
        self._exchanges = {exchange.id: exchange for exchange in recorded()}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        exchange = self._exchanges.get(request.headers.get("user-agent", "").removeprefix(PLAY), self.now)
        if exchange is None:
            raise AssertionError(f"nothing to play for {request.raw_path}")
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(
            request.method, request.raw_path, request.query_string, headers, await request.read()
        )
        self.received.setdefault(exchange.id, []).append(received)
        told: Any = {"content-type": exchange.content_type}
        if not exchange.stream:
            return web.Response(status=exchange.status, body=exchange.body, headers=told)
        response = web.StreamResponse(status=exchange.status, headers=told)
        await response.prepare(request)
        for piece in pieces(exchange.body, exchange.id):
            await response.write(piece)
            await asyncio.sleep(0)
        return response


def pieces(body: bytes, seed: str) -> Iterator[bytes]:
    """`body` cut where it hurts: within characters, names, numbers and line ends, and in large parts too. The
    cuts are random, and the same in every run.
    """
    chance = random.Random(seed)
    typical = chance.choice([(1, 2, 3), (1, 3, 7, 30), (5, 60, 200), (200, 1500), (5000, 60_000)])
    largest = max(1, len(body) // 400)  # a long stream in single bytes would only take long
    at = 0
    while at < len(body):
        size = max(chance.choice(typical), chance.randint(1, largest))
        yield body[at : at + size]
        at += size
