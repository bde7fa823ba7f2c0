"""HTTP responses with a stored file: whole, one range, or not modified (RFC 9110, sections 13 and 14)."""

import re
import time
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response, StreamingResponse

from daybook.storage.keys import content_type_of
from daybook.storage.links import Link
from daybook.storage.store import Store, StoredFile

_SHOWN = ("image/", "video/", "audio/")
_RANGE = re.compile(r"bytes *= *([0-9]{0,19})-([0-9]{0,19})", re.ASCII | re.IGNORECASE)


async def file_response(store: Store, link: Link, request: Headers, *, is_head: bool) -> Response:
    """Return the file of `link`, as the headers of `request` ask for it. Bytes are read as they are sent.

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
    if _is_not_modified(request, file):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers["Content-Disposition"] = _disposition(link, content_type)
    wanted = _range_of(request, file)
    status = HTTPStatus.OK if wanted is None else HTTPStatus.PARTIAL_CONTENT
    start, end = wanted or (0, file.size)
    if wanted is not None:
        if start >= end:
            headers["Content-Range"] = f"bytes */{file.size}"
            words = f"The range is outside the file, which has {file.size} bytes."
            error = {"error": {"code": "range_not_satisfiable", "message": words}}
            return JSONResponse(error, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
    # Not `media_type`, which would add an unknown charset to text.
    headers |= {"Content-Type": content_type, "Content-Length": str(end - start)}
    if is_head:
        return Response(status_code=status, headers=headers)
    return StreamingResponse(store.read(file.key, start, end), status, headers)


def _is_not_modified(request: Headers, file: StoredFile) -> bool:
    if (tags := request.get("if-none-match")) is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in known or file.etag in known
    since = _seconds(request.get("if-modified-since"))
    return since is not None and int(file.modified.timestamp()) <= since


def _range_of(request: Headers, file: StoredFile) -> tuple[int, int] | None:
    """The start and the end (exclusive) of the requested range; empty if it cannot be satisfied.

    None for the whole file: no range, several ranges, another unit, or an `If-Range` that does not match.
    """
    match = _RANGE.fullmatch(request.get("range", "").strip())
    condition = request.get("if-range")
    if condition is not None and condition.strip() != file.etag:
        match = match if _seconds(condition) == int(file.modified.timestamp()) else None
    first, last = match.groups() if match is not None else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        return None
    if not first:
        return max(0, file.size - int(last)), file.size
    return int(first), min(int(last) + 1, file.size) if last else file.size


def _seconds(date: str | None) -> int | None:
    try:
        return None if date is None else int(parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError):
        return None


def _disposition(link: Link, content_type: str) -> str:
    """`attachment` for a link with a download name, and for types that a browser should not open."""
    kind = "attachment" if link.download_name is not None or not content_type.startswith(_SHOWN) else "inline"
    name = link.download_name or link.key.rpartition("/")[2]
    plain = "".join(
        sign if sign.isascii() and sign.isprintable() and sign not in '"\\%' else "_" for sign in name
    )
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
