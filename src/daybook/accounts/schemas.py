"""Schemas of the accounts API. `accounts.fields` checks the values further."""

from datetime import datetime
from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel, Field, SecretStr, field_validator

from daybook.accounts.models import Role
from daybook.kit.ids import RowId
from daybook.kit.schemas import RequestModel, ResponseModel

Limit = Annotated[int, Ge(1), Le(2**31 - 1)]
Password = Annotated[SecretStr, MaxLen(1024)]


class SignInRequest(RequestModel):
    """An account and its password."""

    account: Annotated[str, MaxLen(1024)]
    password: Password


class UserResponse(ResponseModel):
    """A user. `token_usage` is the sum of their lines in the ledger."""

    id: int
    account: str
    role: Role
    active: bool
    timezone: str
    token_usage: int
    settings: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None

    @field_validator("settings", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class NewUserResponse(UserResponse):
    """A new user. A generated `password` is shown only here."""

    password: str | None = None


class NewPasswordResponse(BaseModel):
    """The new password if it was generated. It is shown only here."""

    password: str | None


class SessionResponse(BaseModel):
    """The signed-in user, and when the sign-in expires if it is not used."""

    user: UserResponse
    expires_at: datetime


class ProfileUpdate(RequestModel):
    """Changes of one's own profile. A setting that is null is removed."""

    timezone: str | None = Field(
        default=None, description="IANA name; it defines when a day begins.", examples=["Asia/Taipei"]
    )
    settings: dict[str, Any] | None = Field(default=None, examples=[{"language": "zh-Hant"}])


class PasswordChangeRequest(RequestModel):
    """One's own current and new password."""

    current_password: Password
    new_password: Password


class UserCreate(RequestModel):
    """A new user. Without a password one is generated and shown once."""

    account: str
    password: Password | None = None
    role: Role = Role.USER
    timezone: str = "UTC"
    settings: dict[str, Any] | None = None


class UserUpdate(ProfileUpdate):
    """An administrator's changes of a user."""

    role: Role | None = None
    active: bool | None = None


class NewPasswordRequest(RequestModel):
    """A new password for a user. Without one it is generated and shown once."""

    password: Password | None = None


class GroupResponse(ResponseModel):
    """A group. If `archived_at` is set, its codes are refused."""

    id: int
    name: str
    description: str | None
    token_usage: int
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime | None


class GroupCreate(RequestModel):
    """A new group."""

    name: str
    description: str | None = None


class GroupUpdate(RequestModel):
    """Changes of a group."""

    name: str | None = None
    description: str | None = None
    archived: bool | None = Field(default=None, description="The codes of an archived group are refused.")


class CodeResponse(ResponseModel):
    """An activation code without its secret. Logs show its `public_id`."""

    public_id: str
    name: str | None
    group_id: int
    user_id: int | None
    models: list[str] | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    token_usage: int
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    updated_at: datetime | None


class NewCodeResponse(CodeResponse):
    """A new code. `code` is shown only here."""

    code: str


class CodeTerms(RequestModel):
    """The name and the limits of a code. Null means no limit."""

    name: str | None = None
    models: list[str] | None = Field(default=None, description="Names and patterns.", examples=[["gpt-*"]])
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    expires_at: datetime | None = Field(default=None, description="UTC if it has no timezone.")


class CodeUpdate(CodeTerms):
    """Changes of a code. Absent fields stay as they are."""


class OwnCodeCreate(CodeTerms):
    """A code for oneself, by default in the default group."""

    group_id: RowId | None = None


class CodeCreate(CodeTerms):
    """A code for a group, and for a user if `user_id` is given."""

    group_id: RowId
    user_id: RowId | None = None
