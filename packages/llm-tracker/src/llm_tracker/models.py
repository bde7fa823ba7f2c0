"""The table `llm_tracker_usage`: one row per model call.

`UsageColumns` has the library's columns. An application with the same table maps it with
`class Usage(UsageColumns, ItsBase)` and adds its own columns, each with a server default: the library writes
only its own.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, DateTime, Dialect, Index, Integer, Numeric, String, Text, Uuid, false, text, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from llm_tracker.ids import uuid7

TABLE_NAME = "llm_tracker_usage"


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC.

    PostgreSQL stores TIMESTAMPTZ. SQLite stores text of fixed width in UTC, which sorts by time. A naive value
    is UTC.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC, and on SQLite to a naive value."""
        if value is None:
            return None
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware value in UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """Money: NUMERIC on PostgreSQL, text on SQLite, which has only binary floats."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return text on SQLite, NUMERIC elsewhere."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Write all digits on SQLite, without an exponent."""
        if value is None or dialect.name != "sqlite":
            return value
        return format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return the exact stored value."""
        del dialect
        return value if value is None or isinstance(value, Decimal) else Decimal(str(value))


class server_now(FunctionElement[datetime]):  # noqa: N801  # SQL functions are named in small letters
    """The database's clock, in the format of `UTCDateTime`."""

    type = UTCDateTime()
    inherit_cache = True


@compiles(server_now)
def _server_now(element: server_now, compiler: Any, **options: Any) -> str:
    del element, compiler, options
    return "now()"


@compiles(server_now, "sqlite")
def _server_now_sqlite(element: server_now, compiler: Any, **options: Any) -> str:
    del element, compiler, options
    return "(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"


class UsageColumns:
    """The library's columns. Token buckets are inclusive: prompt includes cached, completion includes reasoning."""

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=uuid7, sort_order=-100)
    user_id: Mapped[int | None] = mapped_column(Integer, sort_order=-99)
    model: Mapped[str] = mapped_column(String(128), sort_order=-98)
    provider: Mapped[str | None] = mapped_column(String(32), sort_order=-97)
    prompt_tokens: Mapped[int] = mapped_column(Integer, default=0, server_default="0", sort_order=-96)
    completion_tokens: Mapped[int] = mapped_column(Integer, default=0, server_default="0", sort_order=-95)
    total_tokens: Mapped[int] = mapped_column(Integer, default=0, server_default="0", sort_order=-94)
    cached_tokens: Mapped[int] = mapped_column(Integer, default=0, server_default="0", sort_order=-93)
    reasoning_tokens: Mapped[int] = mapped_column(Integer, default=0, server_default="0", sort_order=-92)
    cost: Mapped[Decimal | None] = mapped_column(ExactDecimal, sort_order=-91)
    success: Mapped[bool] = mapped_column(default=True, server_default=true(), sort_order=-90)
    error: Mapped[str | None] = mapped_column(Text, sort_order=-89)
    is_estimated: Mapped[bool] = mapped_column(default=False, server_default=false(), sort_order=-88)
    # SQLAlchemy reserves the attribute `metadata`.
    meta: Mapped[dict[str, Any]] = mapped_column(
        "metadata", JSON, default=dict, server_default=text("'{}'"), sort_order=-87
    )
    created_at: Mapped[datetime] = mapped_column(
        UTCDateTime, default=lambda: datetime.now(UTC), server_default=server_now(), sort_order=-86
    )


class Base(DeclarativeBase):
    """The library's own registry of tables."""


class LLMUsage(UsageColumns, Base):
    """One model call."""

    __tablename__ = TABLE_NAME
    __table_args__ = (
        Index(f"ix_{TABLE_NAME}_created_at", "created_at"),
        Index(f"ix_{TABLE_NAME}_user_id_created_at", "user_id", "created_at"),
    )
