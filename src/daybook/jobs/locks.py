"""What is locked in which order, so that nobody waits in a circle, and for how long.

- A job's record, then its entry in the queue, then what the job's work writes on: a recording, a page. Whoever cancels
  jobs together with deleting what they are about cancels first.
- Whoever goes through many records takes those that are free (`SKIP LOCKED`).
- Workers pick entries and say that they live without any record, with many entries at a time: they wait for no entry.
  What another has locked they leave for the next time. (Two that pick may want the same seats crosswise: PostgreSQL
  ends that, and pgqueuer takes it for a lost race.)
- Who is frozen, or whose machine is gone, with a record locked loses it before others look for the jobs of a worker
  that is silent.
"""

from sqlalchemy import text

from daybook.db.engine import WriteSession

_LIMIT = text("SELECT set_config('idle_in_transaction_session_timeout', '6s', true)")


async def briefly(session: WriteSession) -> None:
    """Undo the transaction of `session` that has said nothing for six seconds. Call it before anything is locked."""
    await session.execute(_LIMIT)
