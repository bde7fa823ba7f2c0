"""tus 1.0 (https://tus.io/protocols/resumable-upload): its headers, its version, its errors.

Extensions: creation, creation-with-upload, checksum, expiration, termination.
"""

import base64
import binascii
from collections.abc import Callable, Coroutine
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from daybook.kit.text import storable
from daybook.lifelog.uploads.errors import BAD_REQUEST, WRONG_CONTENT_TYPE, WRONG_VERSION, TusError
from daybook.lifelog.uploads.service import ALGORITHMS, Checksum, UploadState

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
CONTENT_TYPE = "application/offset+octet-stream"
RECORDING = "x-daybook-recording"
"""Header with the recording of a finished upload."""

_MOST_DIGITS = 15


class TusRoute(APIRoute):
    """A route that speaks tus: it requires the version, returns its own, and maps errors to their statuses."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Part of FastAPI's route."""
        handler = super().get_route_handler()

        async def speaking_tus(request: Request) -> Response:
            try:
                check_version(request)
                response = await handler(request)
            except TusError as error:
                response = _error_response(error)
            except ClientDisconnect:
                response = Response(status_code=204)  # to nobody
            response.headers["Tus-Resumable"] = VERSION
            return response

        return speaking_tus


def check_version(request: Request) -> None:
    """Reject another version. Reading as JSON and asking for options need none."""
    if request.method not in {"GET", "OPTIONS"} and request.headers.get("tus-resumable") != VERSION:
        words = f"Send the header Tus-Resumable: {VERSION}; other versions of tus are not supported."
        raise TusError(WRONG_VERSION, "wrong_tus_version", words, Tus_Version=VERSION)


def number(request: Request, name: str) -> int:
    """Return a header's value, a whole number from 0. Raises `TusError`."""
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise TusError(BAD_REQUEST, "bad_header", f"{name} must be a whole number from 0.")
    return int(text)


def announced(request: Request) -> int | None:
    """Return the announced length of the body; None if unknown."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() else None


def check_content_type(request: Request) -> None:
    """Reject a body of another type."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise TusError(WRONG_CONTENT_TYPE, "wrong_content_type", f"Send Content-Type: {CONTENT_TYPE}.")


def checksum(request: Request) -> Checksum | None:
    """Parse `Upload-Checksum`. Raises `TusError`."""
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    algorithm, _, encoded = header.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise TusError(BAD_REQUEST, "unknown_checksum", f"Upload-Checksum must be one of {known}.")
    try:
        digest = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != ALGORITHMS[algorithm]().digest_size:
        raise TusError(BAD_REQUEST, "bad_header", f"Upload-Checksum has no {algorithm} in base64.")
    return Checksum(algorithm, digest)


def headers_of(state: UploadState) -> dict[str, str]:
    """Return the headers with an upload's state."""
    headers = {
        "Upload-Offset": str(state.offset),
        "Upload-Expires": format_datetime(state.upload.expires_at.astimezone(UTC), usegmt=True),
    }
    if state.upload.recording_id is not None:
        headers[RECORDING] = str(state.upload.recording_id)
    return headers


def _error_response(error: TusError) -> Response:
    body = {"error": {"code": error.code, "message": storable(error.message), "details": {**error.details}}}
    return JSONResponse(body, error.status, headers=error.headers)
