"""The library updates its own table and touches nothing else."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from llm_tracker.errors import DatabaseError
from llm_tracker.llm_tracker import LLMTracker
from llm_tracker.llm_usage import get_llm_usage_list
from llm_tracker.models import LLMUsage

MESSAGES = [{"role": "user", "content": "Say hello."}]
FIRST_VERSION = """
CREATE TABLE llm_tracker_usage (
    id CHAR(32) NOT NULL PRIMARY KEY,
    user_id INTEGER,
    model VARCHAR(128) NOT NULL,
    prompt_tokens INTEGER DEFAULT '0' NOT NULL,
    completion_tokens INTEGER DEFAULT '0' NOT NULL,
    total_tokens INTEGER DEFAULT '0' NOT NULL,
    cached_tokens INTEGER DEFAULT '0' NOT NULL,
    reasoning_tokens INTEGER DEFAULT '0' NOT NULL,
    success BOOLEAN DEFAULT 1 NOT NULL,
    error TEXT,
    created_at DATETIME NOT NULL,
    theirs TEXT DEFAULT 'kept'
);
INSERT INTO llm_tracker_usage (id, model, total_tokens, created_at)
    VALUES ('0190163d8694739b8f2ad0b2a1c3e4f5', 'old', 12, '2026-01-01 00:00:00.000000');
"""
OWED = {
    "id": ("CHAR(32)", 1),
    "user_id": ("INTEGER", 0),
    "model": ("VARCHAR(128)", 1),
    "provider": ("VARCHAR(32)", 0),
    "prompt_tokens": ("INTEGER", 1),
    "completion_tokens": ("INTEGER", 1),
    "total_tokens": ("INTEGER", 1),
    "cached_tokens": ("INTEGER", 1),
    "reasoning_tokens": ("INTEGER", 1),
    "cost": ("TEXT", 0),
    "success": ("BOOLEAN", 1),
    "error": ("TEXT", 0),
    "is_estimated": ("BOOLEAN", 1),
    "metadata": ("JSON", 1),
    "created_at": ("DATETIME", 1),
}


def columns(path):
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA table_info(llm_tracker_usage)").fetchall()
    return {name: (kind, not_null) for _, name, kind, not_null, _, _ in found}


def test_a_new_table_has_the_columns_that_are_owed(ledger):
    LLMTracker.call_and_track(MESSAGES)
    assert columns(ledger.path) == OWED
    with closing(sqlite3.connect(ledger.path)) as connection:
        indexes = {row[1] for row in connection.execute("PRAGMA index_list(llm_tracker_usage)")}
    assert {"ix_llm_tracker_usage_created_at", "ix_llm_tracker_usage_user_id_created_at"} <= indexes


def test_an_older_table_gets_what_it_lacks_and_keeps_what_it_has(ledger):
    with closing(sqlite3.connect(ledger.path)) as connection:
        connection.executescript(FIRST_VERSION)
    LLMTracker.call_and_track(MESSAGES)
    assert columns(ledger.path) == {**OWED, "theirs": ("TEXT", 0)}
    old, new = ledger.rows()
    assert (old["total_tokens"], old["theirs"], old["is_estimated"], old["cost"]) == (12, "kept", 0, None)
    assert old["metadata"] == {}
    assert (new["total_tokens"], new["theirs"]) == (30, "kept")
    assert get_llm_usage_list()["total"] == 2


def test_a_table_of_somebody_else_is_left_alone(ledger):
    with closing(sqlite3.connect(ledger.path)) as connection:
        connection.execute("CREATE TABLE llm_tracker_usage (name TEXT)")
    content, _ = LLMTracker.call_and_track(MESSAGES)
    assert content == "Hello!"
    assert ledger.spill.exists()
    assert set(columns(ledger.path)) == {"name"}
    with pytest.raises(DatabaseError, match="not the library's"):
        get_llm_usage_list()


def test_the_model_reads_the_table_with_any_session(ledger):
    LLMTracker.call_and_track(MESSAGES, state={"user_id": 7})
    engine = create_engine(f"sqlite:///{ledger.path}")
    with Session(engine) as session:
        (row,) = session.scalars(select(LLMUsage)).all()
        assert (row.user_id, row.total_tokens, row.success) == (7, 30, True)
        assert row.meta["node_name"] == "unknown"
        assert row.created_at.tzinfo is not None
        session.add(LLMUsage(model="by hand"))
        session.commit()
    engine.dispose()
    assert get_llm_usage_list()["total"] == 2
