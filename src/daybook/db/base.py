"""The one declarative base, with names for every constraint so that migrations can speak of them."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, MetaData, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import Text

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every model. Times are aware; dictionaries are JSONB; lists of strings are arrays."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
    }

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805  (SQLAlchemy calls it with the class)
        # Fetch values set by the database, such as `updated_at`, at once: async code cannot load them later.
        return {"eager_defaults": True}


class Created:
    """`created_at`, set by the database."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Timestamps(Created):
    """`created_at`, and `updated_at`, which is null until the first update and set by every one."""

    updated_at: Mapped[datetime | None] = mapped_column(onupdate=func.now())
