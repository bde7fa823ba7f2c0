"""Store lines in the database, or in a spill file while it is unavailable.

The database accepts each id once, so a line may be written again without harm. The next successful use stores
the lines of the spill file.
"""

import atexit
import logging
import os
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, RowMapping, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from llm_tracker import settings, spill
from llm_tracker.database import fingerprint, forget, parse_url, sqlite_path, transaction
from llm_tracker.errors import DatabaseError
from llm_tracker.lines import Line
from llm_tracker.models import LLMUsage
from llm_tracker.storable import storable_text

_log = logging.getLogger("llm_tracker")
_MISSING_SCHEMA = ("no such table", "has no column named", "UndefinedTable", "UndefinedColumn")


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a call's line. Fixed before the call, so that an invalid setting fails first."""

    url: URL
    spill_files: tuple[Path, ...]  # the first writable one is used

    def __repr__(self) -> str:
        return f"Target({self.url.render_as_string(hide_password=True)!r})"


def current_target() -> Target:
    """Return the target of the current settings. Raises ConfigurationError."""
    url = parse_url(settings.database_url())
    chosen = settings.spill_file()
    beside = sqlite_path(url)
    elsewhere = _state_folder() / f"{fingerprint(url)}.spill.jsonl"
    if chosen is not None:
        return Target(url, (Path.cwd() / chosen, elsewhere))
    if beside is not None:
        return Target(url, (beside.with_name(beside.name + ".spill.jsonl"), elsewhere))
    return Target(url, (elsewhere,))


class _Here(threading.local):
    busy = False


_here = _Here()
# Lines from finalisers that ran while their thread was writing another line.
_deferred: deque[tuple[Target, Line]] = deque()


def record(target: Target, line: Line) -> None:
    """Store the line. Raises only interruptions of the process (KeyboardInterrupt and the like)."""
    if _here.busy:
        _deferred.append((target, line))
        return
    _here.busy = True
    try:
        _keep(target, line)
    finally:
        _here.busy = False
    record_deferred()


def record_deferred() -> None:
    """Store the lines that finalisers deferred."""
    while not _here.busy:
        try:
            target, line = _deferred.popleft()
        except IndexError:
            return
        record(target, line)


atexit.register(record_deferred)


def read(statement: Select[*tuple[Any, ...]]) -> Sequence[RowMapping]:
    """Return the statement's rows from the configured database. Raises DatabaseError."""
    target = current_target()
    busy, _here.busy = _here.busy, True
    try:
        _replay(target)
        with transaction(target.url) as connection:
            return connection.execute(statement).mappings().all()
    except SQLAlchemyError as error:
        forget(target.url)
        raise DatabaseError(f"the ledger cannot be read: {_reason(target, error)}") from None
    finally:
        _here.busy = busy
        record_deferred()


def _keep(target: Target, line: Line) -> None:
    try:
        _insert(target.url, [line])
    except BaseException as error:
        _spill(target, line, error)
        if not isinstance(error, Exception):
            raise
    else:
        _replay(target)


def _insert(url: URL, lines: list[Line]) -> None:
    """Insert the lines that are not yet stored; all or none."""
    dialect = sqlite if url.get_backend_name() == "sqlite" else postgresql
    statement = dialect.insert(_table()).on_conflict_do_nothing()
    try:
        _execute(url, statement, lines)
    except SQLAlchemyError as error:
        forget(url)
        if not _lacks_schema(error):
            raise
        _execute(url, statement, lines)


def _execute(url: URL, statement: Any, lines: list[Line]) -> None:
    with transaction(url) as connection:
        connection.execute(statement, [line.values() for line in lines])


def _table() -> Table:
    table = LLMUsage.__table__
    if not isinstance(table, Table):
        raise TypeError("LLMUsage is mapped to a table")
    return table


def _lacks_schema(error: SQLAlchemyError) -> bool:
    """True if the table was dropped or replaced since its last check."""
    original = getattr(error, "orig", None)
    said = f"{type(original).__name__}: {original}"
    return any(words in said for words in _MISSING_SCHEMA)


def _spill(target: Target, line: Line, error: BaseException) -> None:
    for path in target.spill_files:
        try:
            spill.append(path, line)
        except OSError as failure:
            _log.error("The spill file %s cannot be written: %s", path, failure.strerror or failure)
            continue
        _log.error(
            "A call's line could not be written to the database (%s). It is kept in %s, and the next successful "
            "use stores it.",
            _reason(target, error),
            path,
        )
        return
    _log.critical(
        "A call's line could not be written anywhere (%s). The line: %s",
        _reason(target, error),
        line.to_json().decode(),
    )


def _replay(target: Target) -> None:
    """Store the lines of the spill files; on failure they stay there."""
    for path in target.spill_files:
        if not spill.waiting(path):
            continue
        try:
            taken, kept = spill.replay(path, lambda lines: _take(target.url, lines))
        except (SQLAlchemyError, OSError, DatabaseError) as error:
            _log.warning("The lines in %s are still waiting: %s", path, _reason(target, error))
            return
        if taken:
            _log.info("%d lines from %s were stored in the database", taken, path)
        if kept:
            _log.error("The database refuses %d lines in %s; they stay there", kept, path)


def _take(url: URL, lines: list[Line]) -> list[Line]:
    """Insert the lines; return those whose values the database refuses."""
    try:
        _insert(url, lines)
    except (IntegrityError, DataError):
        if len(lines) == 1:
            return lines
        half = len(lines) // 2
        return _take(url, lines[:half]) + _take(url, lines[half:])
    return []


def _reason(target: Target, error: BaseException) -> str:
    """Return one line about an error, without statement, parameters or password."""
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = f"{type(original).__name__}: {original}".strip().splitlines()[0]
    password = target.url.password
    return storable_text(said, 500, [str(password)] if password else [])


def _state_folder() -> Path:
    """Return the folder for persistent state (XDG Base Directory Specification)."""
    given = os.environ.get("XDG_STATE_HOME", "")
    if given.startswith("/"):
        return Path(given) / "llm_tracker"
    try:
        return Path.home() / ".local" / "state" / "llm_tracker"
    except RuntimeError:  # no home
        return Path(tempfile.gettempdir()) / f"llm_tracker-{os.getuid()}"
