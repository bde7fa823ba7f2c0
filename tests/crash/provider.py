"""A provider in a process of its own, which nobody kills: `python -m crash.provider PORT LOG`.

It does what the text of a call tells it, and writes down in LOG, a JSON object a line, which requests came
(`{"key", "attempt"}`) and how each ended: status, the tokens that it had reported, piece by piece, and whether it sent
its answer whole. It ends when its standard input does.
"""

import asyncio
import json
import re
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from crash.dialects import Meter, Piece, error_in_200, stream, whole
from crash.plan import Spec

_PATHS = {
    "/v1/chat/completions": "chat.completions",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/embeddings": "embeddings",
}
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Provider:
    """Answers, and keeps a record of its own."""

    def __init__(self, record: Path) -> None:
        self._record = record.open("a", buffering=1)
        self._attempts: Counter[str] = Counter()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for as many requests as come."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                path = head.split(b" ", 2)[1].decode()
                if head.startswith(b"GET"):  # its list of models, which it does not tell
                    writer.write(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")
                elif not await self._serve(path, body, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _serve(self, path: str, body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection can be used again."""
        spec = Spec.of(body)
        self._attempts[spec.key] += 1
        attempt = self._attempts[spec.key]
        entry: dict[str, Any] = {"key": spec.key, "attempt": attempt}
        self._record.write(json.dumps(entry) + "\n")
        entry |= {"status": 200, "states": [], "whole": False, "crc": None}
        try:
            await self._answer(path, body, spec, writer, entry)
        finally:
            self._record.write(json.dumps(entry) + "\n")
        return bool(entry["whole"])

    async def _answer(
        self, path: str, body: bytes, spec: Spec, writer: asyncio.StreamWriter, entry: dict[str, Any]
    ) -> None:
        api, deed, attempt = _api(path), spec.deed, entry["attempt"]
        meter = Meter.of(spec, attempt)
        if deed == "hangup":
            return
        if deed == "error500" or (deed == "once500" and attempt == 1):
            await _send_whole(writer, entry, 500, Piece(b'{"error": {"message": "It broke."}}'))
            return
        if deed == "refused":
            await _send_whole(writer, entry, 400, Piece(b'{"error": {"message": "Not so."}}'))
            return
        if _streams(path, body) and not (deed == "once200" and attempt == 1):
            # OpenAI's chat reports usage where it is asked for it.
            usage = deed != "unreported" and (api != "chat.completions" or b'"include_usage"' in body)
            pieces = stream(api, spec, meter, usage=usage, fails=deed == "error200")
            await _send_stream(writer, entry, pieces, spec)
            return
        if spec.pause:
            await asyncio.sleep(spec.pause * spec.words / 2)
        if deed == "error200" or (deed == "once200" and attempt == 1):
            await _send_whole(writer, entry, 200, error_in_200(api, spec, meter))
            return
        answer = whole(api, spec, meter, reports=deed != "unreported")
        await _send_whole(writer, entry, 200, answer, breaks=deed == "broken")


async def _send_whole(
    writer: asyncio.StreamWriter, entry: dict[str, Any], status: int, piece: Piece, *, breaks: bool = False
) -> None:
    entry["status"] = status
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(piece.data)}\r\n\r\n"
    )
    if breaks:
        writer.write(head.encode() + piece.data[: len(piece.data) // 2])
        await writer.drain()
        await asyncio.sleep(0.02)
        return
    if piece.reported is not None:
        entry["states"].append(piece.reported)
    writer.write(head.encode() + piece.data)
    await writer.drain()
    entry["whole"], entry["crc"] = True, zlib.crc32(piece.data)


async def _send_stream(
    writer: asyncio.StreamWriter, entry: dict[str, Any], pieces: list[Piece], spec: Spec
) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    broken = spec.deed == "broken"
    for piece in pieces[: len(pieces) // 2] if broken else pieces:
        if piece.reported is not None and list(piece.reported) not in entry["states"]:
            entry["states"].append(list(piece.reported))
        writer.write(f"{len(piece.data):x}\r\n".encode() + piece.data + b"\r\n")
        await writer.drain()
        if spec.pause:
            await asyncio.sleep(spec.pause)
    if broken:
        await asyncio.sleep(0.02)
        return
    entry["whole"] = True
    if spec.words % 2:
        await asyncio.sleep(0.15)  # all is said, and the end is still to come
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _api(path: str) -> str:
    return _PATHS.get(path.partition("?")[0], "generateContent")


def _streams(path: str, body: bytes) -> bool:
    return "streamGenerateContent" in path or b'"stream": true' in body or b'"stream":true' in body


async def main(port: str, record: str) -> None:
    provider = Provider(Path(record))
    server = await asyncio.start_server(provider.talk, "127.0.0.1", int(port))
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await reader.read()
    server.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
