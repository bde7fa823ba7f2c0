"""The signed-in user: profile, password and codes."""

from typing import Annotated

from fastapi import APIRouter, Query, status

from daybook.accounts import service
from daybook.accounts.access import CallerAddress, CurrentSignIn, CurrentUser
from daybook.accounts.schemas import (
    CodeResponse,
    NewCodeResponse,
    OwnCodeCreate,
    PasswordChangeRequest,
    ProfileUpdate,
    UserResponse,
    UserUpdate,
)
from daybook.db.dependencies import AppDatabase, Reading, Writing
from daybook.kit.pagination import Page, PageNumber, PageSize

router = APIRouter(prefix="/api/v1/me", tags=["me"])


@router.get("")
async def get_me(user: CurrentUser) -> UserResponse:
    """Return one's own profile."""
    return UserResponse.model_validate(user)


@router.patch("")
async def update_me(body: ProfileUpdate, user: CurrentUser, session: Writing) -> UserResponse:
    """Change one's timezone and settings, such as the language."""
    changes = UserUpdate(timezone=body.timezone, settings=body.settings)
    return UserResponse.model_validate(await service.update_user(session, user.id, changes))


@router.put("/password", status_code=status.HTTP_204_NO_CONTENT)
async def change_my_password(
    body: PasswordChangeRequest, signed_in: CurrentSignIn, database: AppDatabase, address: CallerAddress
) -> None:
    """Change one's password. Every other browser is signed out."""
    await service.change_password(
        database,
        signed_in,
        body.current_password.get_secret_value(),
        body.new_password.get_secret_value(),
        address=address,
    )


@router.get("/codes")
async def list_my_codes(
    user: CurrentUser,
    session: Reading,
    live: Annotated[bool, Query(description="Only usable ones.")] = False,
    page: PageNumber = 1,
    page_size: PageSize = 50,
) -> Page[CodeResponse]:
    """List one's own activation codes, newest first."""
    codes = await service.list_codes(session, user_id=user.id, live=live, page=page, page_size=page_size)
    return Page[CodeResponse].model_validate(codes, from_attributes=True)


@router.post("/codes", status_code=status.HTTP_201_CREATED)
async def create_my_code(body: OwnCodeCreate, user: CurrentUser, session: Writing) -> NewCodeResponse:
    """Create a code in the default group, or in a group in which one has a code. It is shown only once."""
    new = await service.create_own_code(session, user.id, body, group_id=body.group_id)
    return NewCodeResponse(**CodeResponse.model_validate(new.row).model_dump(), code=new.code)


@router.delete("/codes/{public_id}")
async def revoke_my_code(public_id: str, user: CurrentUser, session: Writing) -> CodeResponse:
    """Revoke one of one's own codes for good."""
    return CodeResponse.model_validate(await service.revoke_own_code(session, user.id, public_id))
