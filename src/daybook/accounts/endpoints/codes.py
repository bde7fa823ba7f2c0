"""Activation codes, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query, status

from daybook.accounts import service
from daybook.accounts.access import Administrator
from daybook.accounts.schemas import CodeCreate, CodeResponse, CodeUpdate, NewCodeResponse
from daybook.db.dependencies import Reading, Writing
from daybook.kit.ids import RowId
from daybook.kit.pagination import Page, PageNumber, PageSize

router = APIRouter(prefix="/api/v1/admin/codes", tags=["codes"])


@router.get("")
async def list_codes(
    _: Administrator,
    session: Reading,
    group_id: Annotated[RowId | None, Query()] = None,
    user_id: Annotated[RowId | None, Query()] = None,
    live: Annotated[bool, Query(description="Only codes that are neither revoked nor expired.")] = False,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[CodeResponse]:
    """List codes, newest first."""
    codes = await service.list_codes(
        session, group_id=group_id, user_id=user_id, live=live, page=page, page_size=page_size
    )
    return Page[CodeResponse].model_validate(codes, from_attributes=True)


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_code(body: CodeCreate, _: Administrator, session: Writing) -> NewCodeResponse:
    """Create a code. It is shown only once."""
    new = await service.create_code(session, body.group_id, body, user_id=body.user_id)
    return NewCodeResponse(**CodeResponse.model_validate(new.row).model_dump(), code=new.code)


@router.get("/{public_id}")
async def get_code(public_id: str, _: Administrator, session: Reading) -> CodeResponse:
    """Return one code, by its public id."""
    return CodeResponse.model_validate(await service.get_code(session, public_id))


@router.patch("/{public_id}")
async def update_code(public_id: str, body: CodeUpdate, _: Administrator, session: Writing) -> CodeResponse:
    """Change a code's name and limits."""
    return CodeResponse.model_validate(await service.update_code(session, public_id, body))


@router.delete("/{public_id}")
async def revoke_code(public_id: str, _: Administrator, session: Writing) -> CodeResponse:
    """Revoke a code for good. Its row stays, as the ledger refers to it."""
    return CodeResponse.model_validate(await service.revoke_code(session, public_id))
