"""Stored files by link. The link is the permission: no sign-in is needed."""

from fastapi import APIRouter, Request, Response

from daybook.storage.dependencies import AppStore
from daybook.storage.file_response import file_response

router = APIRouter(prefix="/api/v1/files", tags=["files"])

_ANSWERS: dict[int | str, dict[str, object]] = {
    200: {"description": "The file.", "content": {"application/octet-stream": {}}},
    206: {"description": "The requested range.", "content": {"application/octet-stream": {}}},
    304: {"description": "Not modified."},
    416: {"description": "The range is outside the file."},
}


@router.get("/{token}", responses=_ANSWERS, response_class=Response)
async def get_file(token: str, request: Request, store: AppStore) -> Response:
    """Return the file of a link, or a range of it. Links come with recordings and events, and expire."""
    return await file_response(store, store.links.read(token), request.headers, is_head=False)


@router.head("/{token}", responses=_ANSWERS, response_class=Response)
async def head_file(token: str, request: Request, store: AppStore) -> Response:
    """Return the headers of `GET`."""
    return await file_response(store, store.links.read(token), request.headers, is_head=True)
