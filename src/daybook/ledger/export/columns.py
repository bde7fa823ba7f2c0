"""The columns of an exported call: those of the call log by their own names, those of its line as `line_…`."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    Numeric,
    Text,
    TypeDecorator,
    Uuid,
    cast,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import NullType, TypeEngine

from daybook.ledger.models import CallLog, Line


class Kind(Enum):
    """The type of a column's values, for formats that need it."""

    INTEGER = auto()
    BOOLEAN = auto()
    TIME = auto()
    MONEY = auto()
    JSON = auto()
    TEXT = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A column. JSON and ids are selected as text."""

    name: str
    kind: Kind
    selected: ColumnElement[Any]


def _column(name: str, column: ColumnElement[Any]) -> Column:
    kind = _kind(column.type)
    as_text = kind is Kind.JSON or isinstance(column.type, Uuid)
    return Column(name, kind, (cast(column, Text) if as_text else column).label(name))


def _kind(column_type: TypeEngine[Any]) -> Kind:
    if isinstance(column_type, TypeDecorator):
        column_type = column_type.load_dialect_impl(_POSTGRESQL)
    kind = Kind.TEXT
    match column_type:
        case JSON():
            kind = Kind.JSON
        case Integer() | NullType():  # a foreign key has no type before the table that it names is known
            kind = Kind.INTEGER
        case Boolean():
            kind = Kind.BOOLEAN
        case Numeric():
            kind = Kind.MONEY
        case DateTime():
            kind = Kind.TIME
        case _:
            pass
    return kind


_POSTGRESQL = postgresql.dialect()

COLUMNS: tuple[Column, ...] = (
    *(_column(column.name, column) for column in CallLog.__table__.columns),
    *(_column(f"line_{column.name}", column) for column in Line.__table__.columns if column.name != "id"),
)
"""The line's id is `usage_id`."""
