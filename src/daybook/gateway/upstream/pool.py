"""The pool of connections to providers, kept open between calls."""

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from daybook.gateway.upstream.connection import Broken, Connection, Silent

_KEPT_OPEN = 20.0  # seconds; providers and their load balancers close idle connections a little later
_STALE_SECONDS = 2.0
"""A failure within this time shows that the kept connection had been closed; a later one, that the call was lost."""

__all__ = ["Broken", "NoConnection", "Pool", "Response", "Silent"]


class NoConnection(Exception):
    """The provider cannot be reached. `timed_out` is True if it did not accept a connection in time."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class Response:
    """A response whose head is received. Always call `close` when done."""

    __slots__ = ("_closed", "_connection", "_origin", "_pool", "headers", "status")

    def __init__(self, connection: Connection, pool: "Pool", origin: "_Origin") -> None:
        self._connection = connection
        self._pool = pool
        self._origin = origin
        self._closed = False
        self.status = connection.status
        self.headers: Mapping[str, str] = connection.headers

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def chunk(self) -> bytes:
        """Return the next bytes of the body, empty at its end. Raises `Broken` or `Silent`."""
        return await self._connection.chunk()

    @property
    def complete(self) -> bool:
        """True if the whole body is received."""
        return self._connection.complete

    def close(self) -> None:
        """Return the connection to the pool; close it if the response is not whole, so that the provider stops."""
        if not self._closed:
            self._closed = True
            if self._connection.release():
                self._pool.keep(self._origin, self._connection)

    def abandon(self) -> None:
        """Close the connection in the middle of the response: `chunk` raises `Broken`. Does nothing after `close`:
        the connection may be another call's.
        """
        if not self._closed:
            self._connection.close()


@dataclass(frozen=True, slots=True)
class _Origin:
    host: str
    port: int
    secure: bool


class Pool:
    """Every open connection of this process, by origin. Without cookies, proxies and redirects."""

    def __init__(self) -> None:
        self._idle: defaultdict[_Origin, list[tuple[float, Connection]]] = defaultdict(list)

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        connect: float,
        first_byte: float,
        idle: float,
    ) -> Response:
        """Send `body` and wait for the response's head. The time-outs are in seconds.

        A kept connection that the provider had just closed is replaced once. Raises `NoConnection`,
        `Broken` or `Silent`.
        """
        origin, target, host = _parts(url)
        head = _head(target, host, headers, len(body))
        kept = self._take(origin)
        if kept is not None:
            sent = time.monotonic()
            try:
                return await self._exchange(kept, origin, head, body, first_byte, idle)
            except Broken:
                if kept.answered or time.monotonic() - sent > _STALE_SECONDS:
                    raise
        fresh = await _connect(origin, connect)
        return await self._exchange(fresh, origin, head, body, first_byte, idle)

    async def _exchange(
        self,
        connection: Connection,
        origin: _Origin,
        head: bytes,
        body: bytes,
        first_byte: float,
        idle: float,
    ) -> Response:
        try:
            connection.send(head, body, first_byte=first_byte, idle=idle)
            await connection.head()
        except BaseException:
            connection.close()
            raise
        return Response(connection, self, origin)

    def keep(self, origin: _Origin, connection: Connection) -> None:
        """Keep a connection for the next call."""
        self._idle[origin].append((time.monotonic(), connection))

    def close(self) -> None:
        """Close every connection that is kept."""
        for connections in self._idle.values():
            for _, connection in connections:
                connection.close()
        self._idle.clear()

    def _take(self, origin: _Origin) -> Connection | None:
        """Return the connection that was used last, so that the others expire; None without one."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        oldest = time.monotonic() - _KEPT_OPEN
        while idle and (idle[0][0] < oldest or idle[0][1].closed):
            idle.pop(0)[1].close()
        while idle:
            _, connection = idle.pop()
            if not connection.closed:
                return connection
        return None


async def _connect(origin: _Origin, seconds: float) -> Connection:
    loop = asyncio.get_running_loop()
    context = _tls() if origin.secure else None
    try:
        async with asyncio.timeout(seconds):
            _, connection = await loop.create_connection(Connection, origin.host, origin.port, ssl=context)
    except TimeoutError:
        raise NoConnection("took too long to accept a connection", timed_out=True) from None
    except ssl.SSLCertVerificationError as problem:
        raise NoConnection(f"has a certificate that is not trusted here ({problem.verify_message})") from None
    except (OSError, UnicodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else None
        raise NoConnection(f"cannot be reached ({reason or type(problem).__name__})") from None
    return connection


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _parts(url: str) -> tuple[_Origin, str, str]:
    """Return the origin, the request target and the Host header of `url`."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Origin(parts.hostname or "", parts.port or (443 if secure else 80), secure), target, parts.netloc


def _head(target: str, host: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"POST {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers.items()]
    lines.append("\r\n")
    return "".join(lines).encode("latin-1")
