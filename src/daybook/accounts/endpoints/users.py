"""Users, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, status

from daybook.accounts import service
from daybook.accounts.access import Administrator
from daybook.accounts.schemas import (
    NewPasswordRequest,
    NewPasswordResponse,
    NewUserResponse,
    UserCreate,
    UserResponse,
    UserUpdate,
)
from daybook.db.dependencies import Reading, Writing
from daybook.kit.ids import RowId
from daybook.kit.pagination import Page, PageNumber, PageSize

router = APIRouter(prefix="/api/v1/admin/users", tags=["users"])

UserId = Annotated[RowId, Path()]


@router.get("")
async def list_users(
    _: Administrator,
    session: Reading,
    search: Annotated[str, Query(max_length=255, description="A part of the account.")] = "",
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[UserResponse]:
    """List users by account."""
    users = await service.list_users(session, search=search, page=page, page_size=page_size)
    return Page[UserResponse].model_validate(users, from_attributes=True)


@router.post("", status_code=status.HTTP_201_CREATED)
async def create_user(body: UserCreate, _: Administrator, session: Writing) -> NewUserResponse:
    """Create a user."""
    given = None if body.password is None else body.password.get_secret_value()
    new = await service.create_user(
        session,
        body.account,
        password=given,
        role=body.role,
        timezone=body.timezone,
        settings=body.settings,
    )
    view = UserResponse.model_validate(new.user)
    return NewUserResponse(**view.model_dump(), password=new.password if given is None else None)


@router.get("/{user_id}")
async def get_user(user_id: UserId, _: Administrator, session: Reading) -> UserResponse:
    """Return one user."""
    return UserResponse.model_validate(await service.get_user(session, user_id))


@router.patch("/{user_id}")
async def update_user(user_id: UserId, body: UserUpdate, _: Administrator, session: Writing) -> UserResponse:
    """Change a user. An inactive user is signed out everywhere, and their codes are refused."""
    return UserResponse.model_validate(await service.update_user(session, user_id, body))


@router.put("/{user_id}/password")
async def set_user_password(
    user_id: UserId, body: NewPasswordRequest, _: Administrator, session: Writing
) -> NewPasswordResponse:
    """Set a user's password. They are signed out everywhere."""
    given = None if body.password is None else body.password.get_secret_value()
    user = await service.get_user(session, user_id)
    new = await service.set_password(session, user.account, given)
    return NewPasswordResponse(password=new.password if given is None else None)
