"""Lines and call logs for tests."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from daybook.db.engine import Database
from daybook.ledger.models import CallLog, Line
from llm_tracker.ids import uuid7


async def write_line(database: Database, at: str, **columns: Any) -> UUID:
    """A line of the ledger at a time (ISO 8601; UTC where it has no offset): 10 tokens in, 5 out."""
    line_id = uuid7()
    values = {"model": "m", "prompt_tokens": 10, "completion_tokens": 5, **columns}
    values.setdefault("total_tokens", values["prompt_tokens"] + values["completion_tokens"])
    async with database.write() as session:
        session.add(Line(id=line_id, created_at=_moment(at), **values))
    return line_id


async def write_call(database: Database, at: str, **columns: Any) -> int:
    """A call log at a time; makes the partition of its month."""
    moment = _moment(at)
    month = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
    log = CallLog(
        call_time=moment,
        **{"request_messages": [{"role": "user", "content": "hello"}], "status": "success", **columns},
    )
    async with database.write() as session:
        await session.execute(
            text(
                f"CREATE TABLE IF NOT EXISTS llm_call_logs_{month:%Y_%m} PARTITION OF llm_call_logs "
                f"FOR VALUES FROM ('{month.isoformat()}') TO ('{following.isoformat()}')"
            )
        )
        session.add(log)
    return log.id


def _moment(at: str) -> datetime:
    moment = datetime.fromisoformat(at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
