"""Tables of users, sign-ins, groups and activation codes.

Users and groups are archived, never deleted: the ledger refers to them.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Identity, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from daybook.db.base import Base, Created, Timestamps


class Role(StrEnum):
    """The role of a user."""

    USER = "user"
    ADMIN = "admin"


def _values(roles: type[Role]) -> list[str]:
    return [role.value for role in roles]


class User(Timestamps, Base):
    """A person who can sign in. The ledger's trigger maintains `token_usage`, the sum over their lines."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    account: Mapped[str] = mapped_column(String(255), unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(
        Enum(Role, name="user_role", values_callable=_values),
        server_default=Role.USER.value,
        default=Role.USER,
    )
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    timezone: Mapped[str] = mapped_column(String(64), server_default="UTC", default="UTC")
    token_usage: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    settings: Mapped[dict[str, Any] | None]

    @property
    def is_admin(self) -> bool:
        """True for an administrator."""
        return self.role is Role.ADMIN

    def __repr__(self) -> str:
        return f"User(id={self.id}, account={self.account!r}, role={self.role.value!r})"


class SignIn(Created, Base):
    """A signed-in browser. Only the SHA-256 of its cookie is stored."""

    __tablename__ = "sign_ins"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    user: Mapped[User] = relationship(lazy="raise")


class SignInFailure(Base):
    """A failed sign-in attempt, kept as long as it counts towards the limits."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (
        Index("ix_sign_in_failures_account_failed_at", "account", "failed_at"),
        Index("ix_sign_in_failures_address_failed_at", "address", "failed_at"),
        Index("ix_sign_in_failures_failed_at", "failed_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account: Mapped[str] = mapped_column(String(255))
    address: Mapped[str] = mapped_column(String(64))
    failed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class Group(Timestamps, Base):
    """The owner of activation codes: a team, a project, a household."""

    __tablename__ = "groups"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    description: Mapped[str | None] = mapped_column(Text)
    token_usage: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    archived_at: Mapped[datetime | None]


class ActivationCode(Timestamps, Base):
    """The credential of a program at the gateway. Only its hash is stored; logs show `public_id`."""

    __tablename__ = "activation_codes"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    name: Mapped[str | None] = mapped_column(String(128))
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    models: Mapped[list[str] | None]
    requests_per_minute: Mapped[int | None]
    tokens_per_minute: Mapped[int | None]
    token_usage: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    group: Mapped[Group] = relationship(lazy="raise")

    def __repr__(self) -> str:
        return f"ActivationCode(public_id={self.public_id!r})"
