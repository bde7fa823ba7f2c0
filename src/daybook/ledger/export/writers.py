"""The formats of an export."""

import asyncio
from collections.abc import AsyncIterator, Generator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import asyncpg
import orjson

from daybook.kit.errors import Unavailable
from daybook.kit.money import money_text
from daybook.ledger.export.columns import COLUMNS, Kind

if TYPE_CHECKING:
    from arro3.core import Array, DataType, RecordBatch, Schema

_ROW_GROUP = 2_000  # rows that are compressed together, and in memory until they are
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class JsonLines:
    """One JSON object in each line: JSON columns as they are, money as exact text, times in UTC."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, rows: Sequence[asyncpg.Record]) -> None:
        """Write a batch."""
        for row in rows:
            fields = {
                column.name: _json_value(value, column.kind)
                for column, value in zip(COLUMNS, row.values(), strict=True)
            }
            self._file.write(orjson.dumps(fields, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE))


def _json_value(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    match kind:
        case Kind.JSON:
            return orjson.Fragment(value)
        case Kind.MONEY:
            return money_text(value)
        case _:
            return value


async def write_parquet(batches: AsyncIterator[Sequence[asyncpg.Record]], path: Path) -> None:
    """Write `batches` to a Parquet file: times with microseconds in UTC, money as DECIMAL(38, 18), JSON as text.

    Raises `Unavailable` if the library for it is not installed.
    """
    try:
        from arro3.core import RecordBatchReader  # noqa: PLC0415  (an extra: there may be none)
        from arro3.io import write_parquet as write  # noqa: PLC0415
    except ImportError:
        raise Unavailable(
            "Parquet needs a library that is not installed: pip install 'daybook[parquet]'. "
            "Or take --format jsonl, which needs none."
        ) from None
    schema = _schema()
    loop = asyncio.get_running_loop()
    failed: list[BaseException] = []

    def pull() -> Generator["RecordBatch"]:
        """Run in the writer's thread. Errors here have to pass the writer, which raises its own."""
        try:
            while rows := asyncio.run_coroutine_threadsafe(_next(batches), loop).result():
                yield _record_batch(rows, schema)
        except BaseException as problem:
            failed.append(problem)
            raise

    reader = RecordBatchReader.from_batches(schema, pull())
    try:
        await asyncio.to_thread(
            write, reader, path, compression="zstd(3)", max_row_group_size=_ROW_GROUP, created_by="Daybook"
        )
    except Exception:
        if failed:
            raise failed[0] from None
        raise


async def _next(batches: AsyncIterator[Sequence[asyncpg.Record]]) -> Sequence[asyncpg.Record]:
    try:
        return await anext(batches)
    except StopAsyncIteration:
        return ()


def _schema() -> "Schema":
    from arro3.core import Field, Schema  # noqa: PLC0415

    return Schema([Field(column.name, _types(column.kind)[1], nullable=True) for column in COLUMNS])


def _record_batch(rows: Sequence[asyncpg.Record], schema: "Schema") -> "RecordBatch":
    from arro3.core import RecordBatch  # noqa: PLC0415

    columns = [_array([row[number] for row in rows], column.kind) for number, column in enumerate(COLUMNS)]
    return RecordBatch.from_arrays(columns, schema=schema)


def _array(values: list[Any], kind: Kind) -> "Array":
    """An array is made of plain values first: the library has no other way to times and decimals."""
    from arro3.core import Array  # noqa: PLC0415

    plain, final = _types(kind)
    array = Array([None if value is None else _plain_value(value, kind) for value in values], plain)
    return array if plain == final else array.cast(final)


def _plain_value(value: Any, kind: Kind) -> Any:
    match kind:
        case Kind.TIME:
            return (value - _EPOCH) // _MICROSECOND
        case Kind.MONEY:
            return money_text(value)
        case _:
            return value


def _types(kind: Kind) -> "tuple[DataType, DataType]":
    """The Arrow type of an array of this kind, and its conversion."""
    from arro3.core import DataType  # noqa: PLC0415

    match kind:
        case Kind.INTEGER:
            return DataType.int64(), DataType.int64()
        case Kind.BOOLEAN:
            return DataType.bool(), DataType.bool()
        case Kind.TIME:
            return DataType.int64(), DataType.timestamp("us", tz="UTC")
        case Kind.MONEY:
            return DataType.utf8(), DataType.decimal128(38, 18)
        case Kind.JSON | Kind.TEXT:
            return DataType.utf8(), DataType.utf8()
