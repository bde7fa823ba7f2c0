"""Lock order for jobs (prevents deadlocks) and lock timeouts.

- First a job's record, then its queue entry, then the rows that the job's work writes: a recording, a page. Code that
  deletes a thing and cancels its jobs cancels first.
- Code that goes through many records skips locked ones (`SKIP LOCKED`).
- Picking and heartbeats lock many entries and no record, and skip locked entries until the next round. Two picks may
  deadlock over the slots of a type: PostgreSQL ends one, and pgqueuer treats that as a lost race.
- A frozen process, or one whose machine is gone, loses its locks before others look for jobs of silent workers.
"""

from sqlalchemy import text

from daybook.db.engine import WriteSession

_LIMIT = text("SELECT set_config('idle_in_transaction_session_timeout', '6s', true)")


async def limit_idle(session: WriteSession) -> None:
    """Let PostgreSQL abort the transaction after six idle seconds. Call it before locking anything."""
    await session.execute(_LIMIT)
