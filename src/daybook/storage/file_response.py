"""A stored file as an answer of HTTP: whole, in ranges, or only that it is as it was. RFC 9110, sections 13 and 14."""

import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response, StreamingResponse

from daybook.storage.keys import content_type_of
from daybook.storage.links import Link
from daybook.storage.ranges import ByteRange, ranges_of
from daybook.storage.store import Store, StoredFile

_SHOWN = ("image/", "video/", "audio/")


async def file_response(store: Store, link: Link, asked: Headers, *, is_head: bool) -> Response:
    """What `asked`, the headers of a request that shows `link`, is to be answered. Bytes are read as they go.

    Raises `NoSuchFile`, `StoreUnavailable`.
    """
    file = await store.stat(link.key)
    content_type = content_type_of(link.key)
    headers = {
        "ETag": file.etag,
        "Last-Modified": format_datetime(file.modified.astimezone(UTC), usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={max(0, link.expires - int(time.time()))}",
    }
    if _is_known(asked, file):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers["Content-Disposition"] = _disposition(link, content_type)
    wanted = _wanted(asked, file)
    if wanted is None:
        return _Body(store, file, [ByteRange(0, file.size)], content_type, headers, is_head=is_head)
    if not wanted:
        headers["Content-Range"] = f"bytes */{file.size}"
        words = f"The file has {file.size} bytes, and none of those that were asked for."
        error = {"error": {"code": "range_not_satisfiable", "message": words}}
        return JSONResponse(error, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
    if len(wanted) == 1:
        headers["Content-Range"] = wanted[0].content_range(file.size)
    return _Body(store, file, wanted, content_type, headers, is_head=is_head, is_part=True)


class _Body(StreamingResponse):
    """One range, or several as `multipart/byteranges`."""

    def __init__(
        self,
        store: Store,
        file: StoredFile,
        ranges: Sequence[ByteRange],
        content_type: str,
        headers: dict[str, str],
        *,
        is_head: bool,
        is_part: bool = False,
    ) -> None:
        heads, end = [b""], b""
        if len(ranges) > 1:
            boundary = secrets.token_hex(16)
            heads = [
                f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n"
                f"Content-Range: {one.content_range(file.size)}\r\n\r\n".encode()
                for one in ranges
            ]
            end = f"\r\n--{boundary}--\r\n".encode()
            content_type = f"multipart/byteranges; boundary={boundary}"
        length = sum(map(len, heads)) + sum(map(len, ranges)) + len(end)
        super().__init__(
            _pieces(
                store, file, [] if is_head else list(zip(heads, ranges, strict=True)), b"" if is_head else end
            ),
            HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK,
            # Not `media_type`, which would give text a charset that nobody knows.
            {**headers, "Content-Type": content_type, "Content-Length": str(length)},
        )


async def _pieces(
    store: Store, file: StoredFile, parts: list[tuple[bytes, ByteRange]], end: bytes
) -> AsyncGenerator[bytes]:
    for head, part in parts:
        if head:
            yield head
        async for piece in store.read(file.key, part.start, part.end):
            yield piece
    if end:
        yield end


def _is_known(asked: Headers, file: StoredFile) -> bool:
    """Whether who asks has the file as it is."""
    if (tags := asked.get("if-none-match")) is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in known or file.etag in known
    since = _seconds(asked.get("if-modified-since"))
    return since is not None and int(file.modified.timestamp()) <= since


def _wanted(asked: Headers, file: StoredFile) -> list[ByteRange] | None:
    """The ranges that are asked for; None for the whole file. `If-Range` wants ranges of a file as it was only."""
    header = asked.get("range")
    if header is None:
        return None
    condition = asked.get("if-range")
    if (
        condition is not None
        and condition.strip() != file.etag
        and (_seconds(condition) != int(file.modified.timestamp()))
    ):
        return None
    return ranges_of(header, file.size)


def _seconds(date: str | None) -> int | None:
    try:
        return None if date is None else int(parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError):
        return None


def _disposition(link: Link, content_type: str) -> str:
    """Saved where the link has a name for it, or where a browser had better not open it."""
    kind = "attachment" if link.download_name is not None or not content_type.startswith(_SHOWN) else "inline"
    name = link.download_name or link.key.rpartition("/")[2]
    plain = "".join(
        sign if sign.isascii() and sign.isprintable() and sign not in '"\\%' else "_" for sign in name
    )
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
