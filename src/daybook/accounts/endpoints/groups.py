"""Groups, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, status

from daybook.accounts import service
from daybook.accounts.access import Administrator
from daybook.accounts.schemas import GroupCreate, GroupResponse, GroupUpdate
from daybook.db.dependencies import Reading, Writing
from daybook.kit.ids import RowId
from daybook.kit.pagination import Page, PageNumber, PageSize

router = APIRouter(prefix="/api/v1/admin/groups", tags=["groups"])

GroupId = Annotated[RowId, Path()]


@router.get("")
async def list_groups(
    _: Administrator,
    session: Reading,
    archived: Annotated[bool, Query(description="Include archived groups.")] = False,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[GroupResponse]:
    """List groups by name."""
    groups = await service.list_groups(session, archived=archived, page=page, page_size=page_size)
    return Page[GroupResponse].model_validate(groups, from_attributes=True)


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_group(body: GroupCreate, _: Administrator, session: Writing) -> GroupResponse:
    """Create a group."""
    return GroupResponse.model_validate(await service.create_group(session, body.name, body.description))


@router.get("/{group_id}")
async def get_group(group_id: GroupId, _: Administrator, session: Reading) -> GroupResponse:
    """Return one group."""
    return GroupResponse.model_validate(await service.get_group(session, group_id))


@router.patch("/{group_id}")
async def update_group(
    group_id: GroupId, body: GroupUpdate, _: Administrator, session: Writing
) -> GroupResponse:
    """Change, archive or restore a group."""
    return GroupResponse.model_validate(await service.update_group(session, group_id, body))
