"""A provider on loopback that answers what a test tells it to: real HTTP, down to broken connections."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(slots=True)
class Reply:
    """An answer. `chunks` are sent one by one, with `pause` seconds between them; `cut` breaks the connection
    after them; `stall` leaves it open and silent.
    """

    status: int = 200
    body: Any = None
    chunks: Sequence[bytes] = ()
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0
    delay: float = 0
    cut: bool = False
    stall: bool = False


@dataclass(slots=True)
class Received:
    """A request as the provider saw it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Upstream:
    """The provider. Replies are given in turn, the last one again and again."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.received: list[Received] = []
        self.left = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    def reply(self, *replies: Reply) -> None:
        """Answer with these from now on."""
        self.replies = deque(replies)

    async def start(self) -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        self.received.append(Received(request.method, request.raw_path, request.query_string, headers, body))
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        try:
            return await self._send(request, reply)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise

    async def _send(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        await asyncio.sleep(reply.delay)
        if not reply.chunks and not reply.cut and not reply.stall:
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            return web.Response(
                status=reply.status, body=body, headers=reply.headers, content_type=reply.content_type
            )
        response = web.StreamResponse(
            status=reply.status, headers={"content-type": reply.content_type, **reply.headers}
        )
        await response.prepare(request)
        for chunk in reply.chunks:
            await response.write(chunk)
            await asyncio.sleep(reply.pause)
        if reply.stall:
            await asyncio.sleep(60)
        if reply.cut and request.transport is not None:
            request.transport.abort()
        return response


def sse(*events: Any, event_names: bool = False, done: bool = True) -> list[bytes]:
    """Server-sent events, one chunk each."""
    chunks = []
    for event in events:
        name = f"event: {event['type']}\n" if event_names else ""
        chunks.append(f"{name}data: {json.dumps(event)}\n\n".encode())
    return [*chunks, b"data: [DONE]\n\n"] if done else chunks
