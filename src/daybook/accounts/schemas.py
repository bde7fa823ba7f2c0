"""What the accounts API takes and gives. Values are checked further, with words, by `accounts.fields`."""

from datetime import datetime
from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from daybook.accounts.models import Role
from daybook.accounts.service import UNCHANGED, CodeChanges, CodeTerms
from daybook.kit.ids import RowId

Limit = Annotated[int, Ge(1), Le(2**31 - 1)]
Password = Annotated[SecretStr, MaxLen(1024)]


class Body(BaseModel):
    """What is sent: a field that is not known is an error, so that a slip is not taken for a change."""

    model_config = ConfigDict(extra="forbid")


class View(BaseModel):
    """What is answered, read off a row."""

    model_config = ConfigDict(from_attributes=True)


class SignInRequest(Body):
    """An account and its password."""

    account: Annotated[str, MaxLen(1024)]
    password: Password


class UserResponse(View):
    """A user. `token_usage` is the total of their lines in the ledger."""

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
    """A user just made; `password` is there when Daybook made it, and is not shown again."""

    password: str | None = None


class NewPasswordResponse(BaseModel):
    """The password just set, when Daybook made it; it is not shown again."""

    password: str | None


class SessionResponse(BaseModel):
    """Who is signed in, and until when if nothing is done any more."""

    user: UserResponse
    expires_at: datetime


class ProfileUpdate(Body):
    """What a person may change about themselves; a setting that is null is taken away."""

    timezone: str | None = Field(
        None, description="IANA name; decides what a day is.", examples=["Asia/Taipei"]
    )
    settings: dict[str, Any] | None = Field(None, examples=[{"language": "zh-Hant"}])


class PasswordChangeRequest(Body):
    """One's own password, old and new."""

    current_password: Password
    new_password: Password


class UserCreate(Body):
    """A user to make; without a password Daybook makes one and shows it once."""

    account: str
    password: Password | None = None
    role: Role = Role.USER
    timezone: str = "UTC"
    settings: dict[str, Any] | None = None


class UserUpdate(ProfileUpdate):
    """What an administrator may change about a user."""

    role: Role | None = None
    active: bool | None = None


class NewPasswordRequest(Body):
    """Another password for a user; without one Daybook makes it and shows it once."""

    password: Password | None = None


class GroupResponse(View):
    """A group; `archived_at` is set when its codes are refused."""

    id: int
    name: str
    description: str | None
    token_usage: int
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime | None


class GroupCreate(Body):
    """A group to make."""

    name: str
    description: str | None = None


class GroupUpdate(Body):
    """What may be changed about a group."""

    name: str | None = None
    description: str | None = None
    archived: bool | None = Field(None, description="The codes of an archived group are refused.")


class CodeResponse(View):
    """An activation code, which itself is not kept: `public_id` is what logs show."""

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
    """A code just made; `code` is not shown again."""

    code: str


class CodeUpdate(Body):
    """What a code is called and what it allows; null, or nothing, is no limit."""

    name: str | None = None
    models: list[str] | None = Field(None, description="Names and patterns.", examples=[["gpt-*"]])
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = None
    expires_at: datetime | None = Field(None, description="Without a timezone it is taken as UTC.")

    def terms(self) -> CodeTerms:
        """The terms of a new code."""
        return CodeTerms(
            self.name, self.models, self.requests_per_minute, self.tokens_per_minute, self.expires_at
        )

    def changes(self) -> CodeChanges:
        """What to change: only the fields that were sent."""
        sent = {
            name: getattr(self, name) for name in CodeUpdate.model_fields if name in self.model_fields_set
        }
        return CodeChanges(**{name: sent.get(name, UNCHANGED) for name in CodeUpdate.model_fields})


class OwnCodeCreate(CodeUpdate):
    """A code for oneself; without a group it is for the default one."""

    group_id: RowId | None = None


class CodeCreate(CodeUpdate):
    """A code for a group, and for a user if one is named."""

    group_id: RowId
    user_id: RowId | None = None
