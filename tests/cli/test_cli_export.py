"""`daybook calls export`."""

import json
import os

import pytest
from arro3.io import read_parquet

from support.ledger.lines import write_call, write_line


@pytest.fixture
async def calls(database):
    """Two calls; the second has no line."""
    line = await write_line(database, "2026-01-31T10:00")
    return [
        await write_call(database, "2026-01-31T10:00", usage_id=line, model="m"),
        await write_call(database, "2026-02-01T10:00"),
    ]


def ids(text):
    return [json.loads(line)["id"] for line in text.splitlines()]


async def test_calls_go_to_standard_output_or_to_a_file(cli, calls, tmp_path):
    to_output = await cli("calls", "export")
    assert (to_output.status, ids(to_output.out)) == (0, calls)
    assert to_output.err == "2 calls\n"
    assert ids((await cli("calls", "export", "--model", "m")).out) == calls[:1]
    assert ids((await cli("calls", "export", "--from", "2026-02-01", "--to", "2026-02-01")).out) == calls[1:]

    to_file = await cli("calls", "export", "--output", "calls.jsonl")
    assert (to_file.status, to_file.out) == (0, "")
    assert (tmp_path / "calls.jsonl").read_text() == to_output.out
    assert (tmp_path / "calls.jsonl").stat().st_mode & 0o777 == 0o600


async def test_a_file_that_is_there_stays_unless_told_otherwise(cli, calls, tmp_path):
    (tmp_path / "out").write_text("mine")
    refused = await cli("calls", "export", "--output", "out")
    assert refused.status == 1
    assert "--force" in refused.err
    assert (tmp_path / "out").read_text() == "mine"
    assert (await cli("calls", "export", "--output", "out", "--force")).status == 0
    assert ids((tmp_path / "out").read_text()) == calls


async def test_parquet_needs_a_file_and_fills_it(cli, calls, tmp_path):
    assert (await cli("calls", "export", "--format", "parquet")).status == 2
    assert (await cli("calls", "export", "--format", "parquet", "--output", "c.parquet")).status == 0
    assert read_parquet(tmp_path / "c.parquet").read_all().num_rows == 2


async def test_what_cannot_be_written_is_told_and_leaves_nothing(cli, calls, tmp_path):
    missing = await cli("calls", "export", "--output", "no/such/folder/out")
    assert missing.status == 1
    assert "no/such/folder/out cannot be written: No such file or directory." in missing.err
    unknown = await cli("calls", "export", "--output", "out", "--user", "nobody")
    assert unknown.status == 1
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


async def test_who_reads_no_further_ends_it_in_silence(typed, database):
    """As in `daybook calls export | head -1`."""
    for number in range(150):
        await write_call(database, "2026-01-31T10:00", response_content=f"{number} " * 2000)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = await typed("calls", "export", output=writing)
    finally:
        os.close(writing)
    assert (done.status, done.err) == (1, "")
