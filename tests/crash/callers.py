"""Clients on raw sockets, which write down exactly what they received."""

import asyncio
import contextlib
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from crash.plan import Ask

TIMEOUT = 25.0  # seconds for a call
PERSISTENCE = 20
"""How often a repeatable call is sent at most until it succeeds."""

_TERMINAL = {
    "chat.completions": b"data: [DONE]",
    "responses": b"event: response.completed",
    "messages": b"event: message_stop",
    "generateContent": b'"finishReason"',
}
_ERRORS = (b'"error":{', b'"error": {', b"event: error")


@dataclass(slots=True)
class Receipt:
    """What a client knows of its call."""

    ask: Ask
    sent: bool = False
    status: int | None = None
    call_id: str | None = None
    replay_of: str | None = None
    """The call whose answer this is, where it is one that was given before."""
    body: bytes = b""
    crc: int | None = None
    ended: bool = False
    """The body came to its end, by its length or its last chunk."""
    left: bool = False
    """The client went away itself."""
    broke_at: float | None = None
    """When the connection broke."""
    heard: list[tuple[float, int]] = field(default_factory=list)
    """How many bytes of the body had come when."""

    @property
    def failed(self) -> bool:
        """It was told that something went wrong."""
        return self.status is not None and (self.status >= 400 or any(mark in self.body for mark in _ERRORS))

    @property
    def over(self) -> bool:
        """It can know that the answer is over: by the terminal event, or by the end of the body."""
        return self.ended or (self.ask.stream and self.terminal)

    @property
    def terminal(self) -> bool:
        return self.status == 200 and _TERMINAL.get(self.ask.api, b"\0") in self.body

    @property
    def succeeded(self) -> bool:
        """It has the whole answer."""
        return self.status == 200 and self.over and not self.failed


class Caller:
    """One client: a call at a time, on a connection to each gateway that it keeps while it lasts."""

    def __init__(self, ports: list[int], codes: list[str]) -> None:
        self._ports = ports
        self._codes = codes
        self._wires: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        self.receipts: list[Receipt] = []

    async def work(self, plan: Iterator[Ask], stop: asyncio.Event, *, at_most: int = 10**9) -> None:
        """Call after call, as planned, until `stop`. What breaks is not made up for, unless it is repeatable."""
        try:
            while not stop.is_set() and len(self.receipts) < at_most:
                ask = next(plan)
                for _ in range(PERSISTENCE if ask.repeatable else 1):
                    receipt = Receipt(ask)
                    await self._call(receipt)
                    if receipt.sent:
                        self.receipts.append(receipt)
                    if receipt.succeeded or stop.is_set():
                        break
                    if ask.repeatable or not receipt.sent:
                        await asyncio.sleep(0.1)
        finally:
            for gateway in list(self._wires):
                self._drop(gateway)

    async def _call(self, receipt: Receipt) -> None:
        ask = receipt.ask
        whole = False
        try:
            async with asyncio.timeout(TIMEOUT):
                reader, writer = await self._wire(ask.gateway)
                receipt.sent = True
                writer.write(ask.request(self._codes[ask.code]))
                await self._receive(receipt, reader)
                whole = receipt.ended
        except (OSError, asyncio.IncompleteReadError, ValueError):
            receipt.broke_at = time.monotonic()
        finally:
            if not whole:
                self._drop(ask.gateway)

    async def _receive(self, receipt: Receipt, reader: asyncio.StreamReader) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        receipt.call_id = headers.get("x-daybook-call-id")
        receipt.replay_of = headers.get("x-daybook-replay-of")
        receipt.status = int(first.split()[1])
        if "content-length" in headers:
            left = int(headers["content-length"])
            while left and not self._leaves(receipt):
                data = await reader.read(min(left, 65536))
                if not data:
                    raise ConnectionResetError
                left -= len(data)
                receipt.body += data
            receipt.ended = left == 0
        else:
            await self._receive_chunks(receipt, reader)
        receipt.crc = zlib.crc32(receipt.body)

    async def _receive_chunks(self, receipt: Receipt, reader: asyncio.StreamReader) -> None:
        while not self._leaves(receipt):
            line = await reader.readline()
            if not line.endswith(b"\r\n"):
                raise ConnectionResetError
            size = int(line, 16)
            if size == 0:
                await reader.readexactly(2)
                receipt.ended = True
                return
            while size:  # what came of a broken chunk was received as well
                data = await reader.read(size)
                if not data:
                    raise ConnectionResetError
                size -= len(data)
                receipt.body += data
            await reader.readexactly(2)
            if receipt.ask.spec.deed == "long":
                receipt.heard.append((time.monotonic(), len(receipt.body)))

    @staticmethod
    def _leaves(receipt: Receipt) -> bool:
        after = receipt.ask.leaves_after
        receipt.left = after is not None and len(receipt.body) > after
        return receipt.left

    async def _wire(self, gateway: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if gateway not in self._wires:
            self._wires[gateway] = await asyncio.open_connection("127.0.0.1", self._ports[gateway])
        return self._wires[gateway]

    def _drop(self, gateway: int) -> None:
        if wire := self._wires.pop(gateway, None):
            with contextlib.suppress(Exception):
                wire[1].transport.abort()
