"""Engines: one per database and process, safe across threads and forks.

A SQLite connection must not be open while the process forks: the child would inherit SQLite's in-memory file
locks. So every use of SQLite holds one lock, and a fork waits for it and closes the connections first. PostgreSQL
connections stay with the parent; a child opens its own.
"""

import atexit
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from llm_tracker.errors import ConfigurationError, DatabaseError
from llm_tracker.schema import bring_up_to_date
from llm_tracker.sqlite_functions import register_sqlite_functions

BUSY_TIMEOUT = 10.0  # seconds a writer waits for another before its line goes to the spill file
_OPEN_FILES = 4  # SQLite databases kept open
_CONNECT_TIMEOUT = "10"  # seconds, as libpq reads it
_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
_KNOWN_DRIVERS = {"", "pysqlite", "aiosqlite", "psycopg", "psycopg2", "psycopg_async", "asyncpg"}


def parse_url(given: str) -> URL:
    """Return the URL with the library's driver and an absolute SQLite path.

    URLs for async drivers are accepted, so that an application can share its own. Raises ConfigurationError.
    """
    try:
        url = make_url(given)
        backend, _, driver = url.drivername.partition("+")
    except (ArgumentError, ValueError, TypeError):
        # The URL is not shown: it may have a password.
        raise ConfigurationError(
            "LLM_TRACKER_DATABASE_URL is not a valid URL; it should look like sqlite:///calls.db or "
            "postgresql://user:password@host:5432/database"
        ) from None
    if backend not in _DRIVERS or driver not in _KNOWN_DRIVERS:
        raise ConfigurationError(
            f"LLM_TRACKER_DATABASE_URL names {url.drivername!r}; the library supports sqlite and postgresql"
        )
    url = url.set(drivername=_DRIVERS[backend])
    if backend == "sqlite":
        return _absolute(url)
    if find_spec("psycopg") is None:
        raise ConfigurationError(
            "LLM_TRACKER_DATABASE_URL names PostgreSQL, whose driver is not installed: "
            "pip install 'llm-tracker[postgres]'"
        )
    return _without_asyncpg_options(url)


def sqlite_path(url: URL) -> Path | None:
    """Return the file of a SQLite database; None in memory or on PostgreSQL."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name)


def fingerprint(url: URL) -> str:
    """Return a digest that identifies a database, without its password."""
    shown = url.set(password=None).render_as_string(hide_password=True)
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


@dataclass(slots=True)
class _Held:
    """An engine, and the file it has open: a file that was moved away must not receive lines."""

    engine: Engine
    inode: tuple[int, int] | None
    ready: bool = False


class _Engines:
    """The engines of one process."""

    def __init__(self) -> None:
        # Re-entrant, because the thread that forks takes it in a hook.
        self.lock = threading.RLock()
        self.held: dict[URL, _Held] = {}

    def get(self, url: URL) -> _Held:
        with self.lock:
            held = self.held.get(url)
            if held is not None and held.inode is not None and held.inode != _inode(url):
                held.engine.dispose()
                held = None
            if held is None:
                if _on_sqlite(url):
                    self._close_longest_open()
                held = self.held[url] = _Held(_create(url), None)
            return held

    def _close_longest_open(self) -> None:
        """Close all but a few SQLite files. The caller holds their lock."""
        files = [url for url in self.held if sqlite_path(url) is not None]
        for url in files[: -(_OPEN_FILES - 1)]:
            self.held.pop(url).engine.dispose()


_engines = _Engines()
_inherited: list[_Engines] = []  # kept, because collecting them would close the parent's connections
_sqlite_in_use = threading.RLock()


@contextmanager
def transaction(url: URL) -> Generator[Connection]:
    """Open a transaction on an up-to-date table. Commits at the end, or not at all."""
    on_sqlite = _on_sqlite(url)
    with _turn_on_sqlite() if on_sqlite else nullcontext():
        held = _engines.get(url)
        if not held.ready:
            bring_up_to_date(held.engine)
            held.inode = _inode(url)
            held.ready = True
        with held.engine.begin() as connection:
            if not on_sqlite:
                # Another session's table lock may delay an answer by no more than this.
                connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            yield connection


@contextmanager
def _turn_on_sqlite() -> Generator[None]:
    """Wait for this thread's turn, but not for all threads queued behind a locked database."""
    lock = _sqlite_in_use
    if not lock.acquire(timeout=BUSY_TIMEOUT):
        raise DatabaseError("the database is locked, and other threads are waiting for it")
    try:
        yield
    finally:
        lock.release()


def forget(url: URL) -> None:
    """After an error: reopen the database and check its table at the next use."""
    with _sqlite_in_use if _on_sqlite(url) else nullcontext(), _engines.lock:
        held = _engines.held.get(url)
        if held is None:
            return
        held.ready = False
        if _inode(url) is not None or not _on_sqlite(url):
            held.engine.dispose()  # a database in memory would be lost with its connection


def close(url: URL) -> None:
    """Close a database. One in memory is lost."""
    with _sqlite_in_use if _on_sqlite(url) else nullcontext(), _engines.lock:
        held = _engines.held.pop(url, None)
        if held is not None:
            held.engine.dispose()


def close_all() -> None:
    """Close every connection; the next use opens new ones."""
    with _sqlite_in_use, _engines.lock:
        for held in _engines.held.values():
            held.engine.dispose()
        _engines.held.clear()


def _on_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _absolute(url: URL) -> URL:
    path = sqlite_path(url)
    return url if path is None else url.set(database=str(Path.cwd() / path))


def _without_asyncpg_options(url: URL) -> URL:
    """Return an asyncpg URL with libpq's option names."""
    query: dict[str, Any] = {
        name: value for name, value in url.query.items() if not name.startswith("prepared_statement_")
    }
    if "ssl" in query:
        query.setdefault("sslmode", query.pop("ssl"))
    return url.set(query=query)


def _inode(url: URL) -> tuple[int, int] | None:
    path = sqlite_path(url)
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _create(url: URL) -> Engine:
    # hide_parameters: callers' metadata must not appear in a traceback or a log.
    if url.get_backend_name() != "sqlite":
        missing = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_TIMEOUT}
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=missing)
    # One connection: every use holds the lock, and a database in memory lives as long as its connection.
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Set WAL (readers do not wait for writers) and FULL (a committed line survives a power cut)."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] not in {"wal", "memory"}:
                connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            # Unlike other statements, changing the mode does not wait for locks.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous = FULL")
    register_sqlite_functions(connection)


def _before_fork() -> None:
    _sqlite_in_use.acquire()
    for url, held in list(_engines.held.items()):
        if sqlite_path(url) is not None:
            held.engine.dispose()


def _after_fork_in_parent() -> None:
    _sqlite_in_use.release()


def _after_fork_in_child() -> None:
    global _engines, _sqlite_in_use  # noqa: PLW0603  # the old locks may be held by threads that the child does not have
    _inherited.append(_engines)
    _engines = _Engines()
    _sqlite_in_use = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
atexit.register(close_all)
