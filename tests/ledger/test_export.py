"""Exported calls are the calls: every value, in order, in both formats, in the memory of one batch."""

import asyncio
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from arro3.io import read_parquet
from sqlalchemy import text

from daybook.kit.errors import Unavailable
from daybook.ledger.export import COLUMNS, JsonLines, Wanted, exported_rows, rows, write_parquet
from daybook.ledger.models import CallLog, Line
from daybook.ledger.schemas import CallFilter
from llm_tracker.arguments import parse_range
from llm_tracker.ids import uuid7
from support.ledger.lines import write_call, write_line

ALL = Wanted(CallFilter())


@pytest.fixture
async def calls(database):
    """Three calls, written not in the order of their times; the middle one has a line with everything."""
    usage = await write_line(
        database,
        "2026-01-31T10:00:00.000001",
        cost=Decimal("0.000000000123"),
        user_id=7,
        meta={"caller": {"n": 1}},
        code="db_x",
    )
    last = await write_call(database, "2026-02-01", status="error", error_message="no")
    middle = await write_call(
        database,
        "2026-01-31T10:00:00.000001",
        usage_id=usage,
        call_id=uuid7(),
        activation_code="db_x",
        model="m",
        request_messages=[{"content": '你好 "quoted"\n'}],
        request_params={"temperature": 0.5},
        response_content="good\nday",
        tokens_used=15,
    )
    first = await write_call(database, "2026-01-01", config_id=3)
    return first, middle, last


async def json_lines(database, wanted=ALL):
    file = io.BytesIO()
    writer = JsonLines(file)
    async for batch in exported_rows(database, wanted):
        writer.write(batch)
    return [json.loads(line) for line in file.getvalue().splitlines()]


async def test_every_value_of_log_and_line_is_there(database, calls):
    first, middle, last = await json_lines(database)
    assert tuple(call["id"] for call in (first, middle, last)) == calls
    assert list(middle) == [column.name for column in COLUMNS]
    logged = {column.name for column in CallLog.__table__.columns}
    lined = {f"line_{column.name}" for column in Line.__table__.columns} - {"line_id"}
    assert set(middle) == logged | lined
    assert middle["request_messages"] == [{"content": '你好 "quoted"\n'}]
    assert middle["request_params"] == {"temperature": 0.5}
    assert middle["response_content"] == "good\nday"
    assert middle["call_time"] == "2026-01-31T10:00:00.000001Z"
    assert (middle["line_cost"], middle["line_total_tokens"], middle["line_success"]) == (
        "0.000000000123",
        15,
        True,
    )
    assert middle["line_metadata"] == {"caller": {"n": 1}}
    assert (last["error_message"], last["line_total_tokens"], last["call_id"]) == ("no", None, None)


async def test_calls_are_chosen_by_what_they_are(database, calls):
    first, middle, last = calls
    for wanted, expected in (
        (Wanted(CallFilter(activation_code="db_x", model="m")), [middle]),
        (Wanted(CallFilter(config_id=3)), [first]),
        (Wanted(CallFilter(status="error")), [last]),
        (Wanted(CallFilter(), user_id=7), [middle]),
        (Wanted(CallFilter(), user_id=8), []),
        (Wanted(CallFilter(), parse_range("2026-01-31", "2026-01-31")), [middle]),
        (Wanted(CallFilter(), parse_range("2026-01-31T11:00:00Z", None)), [last]),
    ):
        assert [call["id"] for call in await json_lines(database, wanted)] == expected, wanted


async def test_parquet_holds_the_same_in_types(database, calls, tmp_path):
    path = tmp_path / "calls.parquet"
    await write_parquet(exported_rows(database, ALL), path)
    table = read_parquet(path).read_all()
    assert table.column_names == [column.name for column in COLUMNS]

    def column(name):
        return [value.as_py() for chunk in table.column(name).chunks for value in chunk]

    assert tuple(column("id")) == calls
    assert column("line_cost") == [None, Decimal("0.000000000123000000"), None]
    assert column("call_time")[1] == datetime(2026, 1, 31, 10, 0, 0, 1, tzinfo=UTC)
    assert [json.loads(value) for value in column("request_messages")][1] == [{"content": '你好 "quoted"\n'}]
    assert column("line_success") == [None, True, None]
    assert column("tokens_used") == [None, 15, None]
    assert column("usage_id")[1] == (await json_lines(database))[1]["usage_id"]


async def test_an_empty_export_is_a_file_with_columns(database, tmp_path):
    path = tmp_path / "calls.parquet"
    await write_parquet(exported_rows(database, ALL), path)
    table = read_parquet(path).read_all()
    assert (table.num_rows, table.num_columns) == (0, len(COLUMNS))


async def test_batches_are_as_large_as_memory_allows_not_as_the_table_is(database, monkeypatch):
    monkeypatch.setattr(rows, "BATCH_BYTES", 100_000)
    await write_call(database, "2026-01-01")
    async with database.write() as session:
        await session.execute(
            text(
                """
                INSERT INTO llm_call_logs (request_messages, response_content, status, call_time)
                SELECT '[]', repeat('x', CASE WHEN n < 1000 THEN 10 ELSE 20000 END), 'success',
                       timestamptz '2026-01-02Z' + n * interval '1 second'
                FROM generate_series(1, 1500) AS n
                """
            )
        )
    sizes = [
        (len(batch), sum(len(row["response_content"] or "") for row in batch))
        async for batch in exported_rows(database, ALL)
    ]
    assert sum(count for count, _ in sizes) == 1501
    assert max(count for count, _ in sizes) == rows._MOST  # small ones come many at a time
    assert sum(size > 200_000 for _, size in sizes) <= 2  # large ones few, after a surprise
    assert sizes[-2][0] <= 6


async def test_what_fails_while_rows_are_read_is_told_as_it_was(tmp_path):
    async def failing():
        raise Unavailable("the database went away")
        yield ()

    with pytest.raises(Unavailable, match="went away"):
        async with asyncio.timeout(10):
            await write_parquet(failing(), tmp_path / "x")


async def test_without_the_library_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "arro3.core", None)
    with pytest.raises(Unavailable, match=r"pip install 'daybook\[parquet\]'"):
        await write_parquet(None, Path(tmp_path / "x"))
