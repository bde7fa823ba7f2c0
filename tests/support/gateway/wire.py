"""HTTP by hand on both sides of the gateway: callers and providers that say exactly what a test writes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Answer:
    """An answer as it came. `body` has its chunks put together."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection of a caller."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, to_head: bool = False) -> Answer:
        """The next answer, which has to come within 5 s; `to_head`: the one to a HEAD request."""
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            status = int(first.split()[1])
            body = b"" if to_head or status < 200 else await self._body(headers)
            return Answer(status, headers, body)

    async def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await self.reader.readline(), 16):
                body += (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readline()
            return body
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        return await self.reader.read()

    async def closed(self) -> bool:
        """Whether the gateway closes the connection within 5 s, without another byte."""
        async with asyncio.timeout(5):
            return await self.reader.read(1) == b""


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """A connection to the gateway at `url`."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def request(method: str, path: str, code: str = "", body: bytes | None = None, **headers: str) -> bytes:
    """A request as bytes; with a length where it has a body."""
    lines = {"host": "gateway", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if code:
        lines["authorization"] = f"Bearer {code}"
    if body is not None:
        lines = {"content-type": "application/json", "content-length": str(len(body)), **lines}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")


class RawProvider:
    """A provider of which every byte is written by the test: `script` is run for each connection."""

    def __init__(self, script: Callable[["Talk"], Awaitable[None]]) -> None:
        self._script = script
        self.connections = 0
        self.requests: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._script(Talk(self, reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Talk:
    """One connection of the gateway, as the provider has it."""

    def __init__(
        self, provider: RawProvider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._provider = provider
        self.reader = reader
        self.writer = writer

    async def heard(self) -> bytes:
        """The next request, head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await self.reader.readexactly(length)
        self._provider.requests.append(head + body)
        return head + body

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


@asynccontextmanager
async def raw_provider(
    script: Callable[[Talk], Awaitable[None]], **options: object
) -> AsyncIterator[RawProvider]:
    """A provider that follows `script`; `options` are asyncio's for a server, such as `ssl`."""
    provider = RawProvider(script)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, **options)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.close()
