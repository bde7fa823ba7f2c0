"""Uploads over tus, and their state as JSON."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from daybook.accounts.access import AppSettings, CurrentUser
from daybook.kit.pagination import Page, PageNumber, PageSize
from daybook.lifelog.uploads import protocol
from daybook.lifelog.uploads.errors import BAD_REQUEST, NOT_FOUND, TusError
from daybook.lifelog.uploads.finishing import refusal
from daybook.lifelog.uploads.metadata import declared
from daybook.lifelog.uploads.protocol import TusRoute
from daybook.lifelog.uploads.schemas import UploadResponse
from daybook.lifelog.uploads.service import ALGORITHMS, Uploads, UploadState

router = APIRouter(prefix="/api/v1/uploads", tags=["uploads"], route_class=TusRoute)


def _app_uploads(request: Request) -> Uploads:
    return cast("Uploads", request.app.state.uploads)


AppUploads = Annotated[Uploads, Depends(_app_uploads)]


def _upload_id(upload_id: str) -> UUID:
    try:
        return UUID(upload_id)
    except ValueError:
        raise TusError(NOT_FOUND, "not_found", "There is no such upload.") from None


UploadId = Annotated[UUID, Depends(_upload_id)]


@router.options("", status_code=204, response_class=Response)
async def get_upload_options(settings: AppSettings) -> Response:
    """Return the supported parts of tus."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": protocol.VERSION,
            "Tus-Extension": protocol.EXTENSIONS,
            "Tus-Max-Size": str(settings.max_upload),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.post("", status_code=201, response_class=Response)
async def create_upload(request: Request, user: CurrentUser, uploads: AppUploads) -> Response:
    """Create an upload: `Upload-Length`, `Upload-Metadata`; a body holds its first bytes.

    If you already have the file, by the `sha256` in its metadata, the upload completes immediately: `Upload-Offset` is
    its length and `x-daybook-recording` names the recording.
    """
    if "upload-defer-length" in request.headers or "upload-concat" in request.headers:
        words = "Upload-Defer-Length and Upload-Concat are not supported: send Upload-Length."
        raise TusError(BAD_REQUEST, "unknown_extension", words)
    has_body = protocol.announced(request) != 0 and "content-type" in request.headers
    if has_body:
        protocol.check_content_type(request)
    checksum = protocol.checksum(request)
    state = await uploads.create(
        user.id,
        protocol.number(request, "Upload-Length"),
        declared(request.headers.get("upload-metadata", "")),
    )
    if has_body and state.upload.finished_at is None:
        upload_id, announced = state.upload.id, protocol.announced(request)
        state = await uploads.receive(
            user.id, upload_id, 0, request.stream(), announced=announced, checksum=checksum
        )
    headers = {"Location": f"{router.prefix}/{state.upload.id}", **protocol.headers_of(state)}
    return Response(status_code=201, headers=headers)


@router.get("")
async def list_uploads(
    user: CurrentUser,
    uploads: AppUploads,
    page: Annotated[PageNumber, Query()] = 1,
    page_size: Annotated[PageSize, Query()] = 50,
) -> Page[UploadResponse]:
    """List your uploads, newest first, until they expire: those in progress, and the results of the others."""
    found = await uploads.list(user.id, page=page, page_size=page_size)
    views = [_view(state) for state in found.list]
    return Page[UploadResponse].of(views, page=page, page_size=page_size, total=found.total)


@router.get("/{upload_id}")
async def get_upload(upload_id: UploadId, user: CurrentUser, uploads: AppUploads) -> UploadResponse:
    """Return one upload."""
    return _view(await uploads.find(user.id, upload_id))


@router.head("/{upload_id}", response_class=Response)
async def head_upload(upload_id: UploadId, user: CurrentUser, uploads: AppUploads) -> Response:
    """Return the number of bytes received."""
    state = await uploads.find(user.id, upload_id)
    if state.upload.error_code is not None:
        raise refusal(state.upload.error_code, state.upload.error or "", state.upload.error_details)
    headers = {"Upload-Length": str(state.upload.length), **protocol.headers_of(state)}
    if told := state.upload.details.get("metadata"):
        headers["Upload-Metadata"] = told
    return Response(headers=headers)


@router.patch("/{upload_id}", status_code=204, response_class=Response)
async def send_to_upload(
    upload_id: UploadId, request: Request, user: CurrentUser, uploads: AppUploads
) -> Response:
    """Send bytes from `Upload-Offset` on. With the last one the file is ingested, or rejected with a reason."""
    protocol.check_content_type(request)
    state = await uploads.receive(
        user.id,
        upload_id,
        protocol.number(request, "Upload-Offset"),
        request.stream(),
        announced=protocol.announced(request),
        checksum=protocol.checksum(request),
    )
    return Response(status_code=204, headers=protocol.headers_of(state))


@router.delete("/{upload_id}", status_code=204, response_class=Response)
async def end_upload(upload_id: UploadId, user: CurrentUser, uploads: AppUploads) -> Response:
    """End an upload and remove its received bytes. A finished recording stays."""
    await uploads.remove(user.id, upload_id)
    return Response(status_code=204)


@router.post("/{upload_id}", include_in_schema=False, response_class=Response)
async def override_upload_method(
    upload_id: UploadId, request: Request, user: CurrentUser, uploads: AppUploads
) -> Response:
    """Accept POST from clients without PATCH or DELETE: `X-HTTP-Method-Override` names the method."""
    match request.headers.get("x-http-method-override", "").upper():
        case "PATCH":
            return await send_to_upload(upload_id, request, user, uploads)
        case "DELETE":
            return await end_upload(upload_id, user, uploads)
        case "HEAD":
            return await head_upload(upload_id, user, uploads)
        case _:
            words = "Send with PATCH; or with POST and X-HTTP-Method-Override: PATCH, DELETE or HEAD."
            raise TusError(BAD_REQUEST, "bad_header", words)


def _view(state: UploadState) -> UploadResponse:
    upload = state.upload
    return UploadResponse(
        id=upload.id,
        name=upload.name,
        length=upload.length,
        offset=state.offset,
        recording_id=upload.recording_id,
        error_code=upload.error_code,
        error=upload.error,
        created_at=upload.created_at,
        finished_at=upload.finished_at,
        expires_at=upload.expires_at,
    )
