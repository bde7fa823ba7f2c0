"""Files of the store, for whoever has a link. The link is the permission: nobody has to be signed in."""

from fastapi import APIRouter, Request, Response

from daybook.storage.dependencies import AppStore
from daybook.storage.file_response import file_response

router = APIRouter(prefix="/api/v1/files", tags=["files"])

_ANSWERS: dict[int | str, dict[str, object]] = {
    200: {"description": "The file.", "content": {"application/octet-stream": {}}},
    206: {"description": "The ranges that were asked for.", "content": {"application/octet-stream": {}}},
    304: {"description": "It is as it was."},
    416: {"description": "The file has none of the ranges."},
}


@router.get("/{token}", responses=_ANSWERS, response_class=Response)
async def get_file(token: str, request: Request, store: AppStore) -> Response:
    """The file that a link opens, or ranges of it. Links come with recordings, events and vlogs, and end."""
    return await file_response(store, store.links.read(token), request.headers, is_head=False)


@router.head("/{token}", responses=_ANSWERS, response_class=Response)
async def head_file(token: str, request: Request, store: AppStore) -> Response:
    """What `GET` would answer, without the bytes."""
    return await file_response(store, store.links.read(token), request.headers, is_head=True)
