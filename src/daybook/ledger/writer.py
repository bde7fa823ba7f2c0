"""Writing calls into the ledger: batches by COPY, the line and the log of a call in one transaction.

Invariants:

- A call is written once: one whose line (or, without a line, whose log) is there is skipped.
- No call can stop the others: a batch that PostgreSQL refuses is split until the call at fault is alone. Its content is
  replaced by a note; its line is kept.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from daybook.db.errors import is_unavailable
from daybook.kit import failpoints
from daybook.ledger.budgets.leases import release
from daybook.ledger.budgets.settling import settle
from daybook.ledger.entries import (
    LINE_COLUMNS,
    LOG_COLUMNS,
    Entry,
    LineEntry,
    LogEntry,
    line_values,
    log_values,
)
from daybook.ledger.idempotency import keep_answers
from daybook.ledger.partitions import make_partition, month_of

log = logging.getLogger(__name__)


class LedgerWriter:
    """The writer of the ledger, over a connection of its own. If `write` raises, nothing is lost.

    Content that PostgreSQL refuses to store, or the whole call, goes into the folder `quarantine`.
    """

    def __init__(self, dsn: str, quarantine: Path | None = None) -> None:
        self._dsn = dsn
        self._quarantine = quarantine
        self._months: set[tuple[int, int]] = set()
        self._connection: asyncpg.Connection | None = None

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write `entries`. When it returns, each is in the database."""
        connection = await self._connect()
        for month in {month_of(entry.log.call_time) for entry in entries if entry.log} - self._months:
            await make_partition(connection, month)
            self._months.add(month)
        await self._write(connection, entries)

    async def release(self, owner: str) -> None:
        """Release the budget leases of a dead gateway, after its journal was written whole."""
        connection = await self._connect()
        async with connection.transaction():
            await release(connection, owner)

    async def disconnect(self) -> None:
        """Let go of a connection that may be broken."""
        connection, self._connection = self._connection, None
        self._months.clear()  # one may have been pruned
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.terminate()

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _connect(self) -> asyncpg.Connection:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = await asyncpg.connect(self._dsn, timeout=10, command_timeout=60)
            # Journals are deleted after the commit, so it has to be on disk.
            await connection.execute("SET synchronous_commit = on")
            self._connection = connection
        return connection

    async def _write(self, connection: asyncpg.Connection, entries: Sequence[Entry]) -> None:
        """Write all `entries`. If PostgreSQL refuses them, write each half; a single one without its content."""
        try:
            await _write_all(connection, entries)
        except Exception as problem:
            if not await _is_of_the_call(connection, entries, problem):
                raise
            if len(entries) == 1:
                await self._write_bare(connection, entries[0], problem)
                return
            log.info(
                "%d calls were refused (%s); writing them in parts.", len(entries), type(problem).__name__
            )
            middle = len(entries) // 2
            await self._write(connection, entries[:middle])
            await self._write(connection, entries[middle:])

    async def _write_bare(self, connection: asyncpg.Connection, entry: Entry, problem: Exception) -> None:
        log.error("The content of call %s cannot be stored (%s); its line is kept.", entry.id, problem)
        if entry.log is not None:
            await self._set_aside(entry, _columns_of_log(entry.log))
        try:
            await _write_all(connection, [_without_payload(entry)])
        except Exception as second:
            if not await _is_of_the_call(connection, [entry], second):
                raise
            log.critical(
                "Call %s is not in the ledger: not even its line can be stored (%s).", entry.id, second
            )
            said = {} if entry.log is None else _columns_of_log(entry.log)
            line = None if entry.line is None else _columns_of_line(entry.line)
            await self._set_aside(entry, {**said, "line": line})

    async def _set_aside(self, entry: Entry, columns: dict[str, Any]) -> None:
        """Write the columns that cannot be stored to a file."""
        if self._quarantine is None:
            return
        try:
            await asyncio.to_thread(_keep, self._quarantine / f"{entry.id}.json", columns)
        except OSError as problem:
            log.critical("Call %s cannot be set aside either (%s): %s", entry.id, problem, entry.line)


async def _write_all(connection: asyncpg.Connection, entries: Sequence[Entry]) -> None:
    async with connection.transaction():
        known = await _known(connection, [entry.id for entry in entries])
        fresh = [entry for entry in entries if entry.id not in known] if known else entries
        lines = [line_values(entry.line) for entry in fresh if entry.line]
        logs = [log_values(entry.log) for entry in fresh if entry.log]
        failpoints.point("ledger.copy.before")
        if lines:
            await connection.copy_records_to_table("llm_tracker_usage", records=lines, columns=LINE_COLUMNS)
        failpoints.point("ledger.copy.between")
        if logs:
            await connection.copy_records_to_table("llm_call_logs", records=logs, columns=LOG_COLUMNS)
        await settle(connection, [entry.settlement for entry in fresh if entry.settlement])
        await keep_answers(connection, [entry.kept for entry in fresh if entry.kept])
        failpoints.point("ledger.commit.before")
    failpoints.point("ledger.commit.after")


async def _known(connection: asyncpg.Connection, ids: list[UUID]) -> set[UUID]:
    """Which of these calls are in the database."""
    rows = await connection.fetch(
        "SELECT id FROM llm_tracker_usage WHERE id = ANY($1) "
        "UNION ALL SELECT call_id FROM llm_call_logs WHERE call_id = ANY($1) AND usage_id IS NULL",
        ids,
    )
    return {row[0] for row in rows}


def _columns_of_log(said: LogEntry) -> dict[str, Any]:
    return dict(zip(LOG_COLUMNS, log_values(said), strict=True))


def _columns_of_line(line: LineEntry) -> dict[str, Any]:
    return dict(zip(LINE_COLUMNS, line_values(line), strict=True))


def _keep(path: Path, columns: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123  (its mode)
        file.write(orjson.dumps(columns, default=str))


def _without_payload(entry: Entry) -> Entry:
    """Return the same call with a note in place of its content."""
    note = '{"daybook": "what was said could not be stored"}'
    line, said = entry.line, entry.log
    if line is not None:
        line = replace(line, metadata=note)
    if said is not None:
        said = replace(
            said, request_messages=note, request_params=None, response_content=None, response_data=None
        )
    return Entry(entry.id, line, said, entry.settlement, entry.kept)


_OF_THE_SERVER = frozenset({"08", "25", "40", "42", "53", "55", "57", "58"})
"""Classes of SQLSTATE (PostgreSQL's manual, appendix A): connection, standby, deadlock, missing table or privilege,
disk or memory full, lock not available, shutdown or startup, system.
"""

_OF_THE_CALL = frozenset({"22", "23", "54"})
"""Data, constraints, nested too deeply or too long."""


def is_of_the_server(problem: Exception) -> bool:
    """True if the server's state keeps it from writing, and not the values to write.

    A violated check without a name means that the month's partition is gone: it was pruned after we created it.
    """
    if isinstance(problem, asyncpg.CheckViolationError):
        return getattr(problem, "constraint_name", None) is None
    if isinstance(problem, asyncpg.PostgresError):
        return _class_of(problem) in _OF_THE_SERVER
    return is_unavailable(problem)


async def _is_of_the_call(
    connection: asyncpg.Connection, entries: Sequence[Entry], problem: Exception
) -> bool:
    """True if PostgreSQL refuses the call's values. For ambiguous errors, a trigger's for example, that is so if
    another call of the same month can be written now.
    """
    if is_of_the_server(problem):
        return False
    if not isinstance(problem, asyncpg.PostgresError) or _class_of(problem) in _OF_THE_CALL:
        return True
    trial = connection.transaction()
    await trial.start()
    try:
        await connection.execute(_BLANK_LINE)
        for said in [entry.log for entry in entries if entry.log][:1]:
            await connection.execute(_BLANK_LOG, said.call_time)
    except asyncpg.PostgresError:
        return False
    finally:
        await trial.rollback()
    return True


_BLANK_LINE = "INSERT INTO llm_tracker_usage (id, model) VALUES (gen_random_uuid(), 'blank')"
_BLANK_LOG = "INSERT INTO llm_call_logs (request_messages, status, call_time) VALUES ('[]', 'success', $1)"


def _class_of(problem: asyncpg.PostgresError) -> str:
    return str(getattr(problem, "sqlstate", ""))[:2]
