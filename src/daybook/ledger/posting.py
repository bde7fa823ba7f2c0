"""Lines that the trigger does not add to the totals.

`llm_tracker_usage.posted_by` names the one that does: `trigger` for nearly all. `turn` for lines of a conversation's
turn, added by the transaction that writes them. `outbox` for lines added by an event, whose key is the line's id. So at
every moment

    users.token_usage = the sum of their lines - the sum of those in `pending_adjustments`

and likewise for groups and activation codes. The trigger publishes the event with the line, unless it was published
before (by a title's job, say). Rollups hold every line from the moment it is written.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import text

from daybook.db.engine import ReadSession, WriteSession


@dataclass(frozen=True, slots=True)
class Unposted:
    """A line that waits for its event to add it to the totals."""

    line_id: UUID
    user_id: int | None
    conversation_id: str | None
    group_id: int | None
    code: str | None
    tokens: int
    event_id: int | None
    """None if there is none: for a line without a user or a conversation."""
    event_status: Literal["pending", "dead"] | None


@dataclass(frozen=True, slots=True)
class OutboxLine:
    """As much of a line as its event is compared with."""

    id: UUID
    user_id: int | None
    conversation_id: str | None
    group_id: int | None
    code: str | None
    total_tokens: int
    posted_by: str


async def line_of_event(session: WriteSession, line_id: UUID) -> OutboxLine | None:
    """The line that an event names, if it is in the ledger."""
    rows = await session.execute(
        text(
            "SELECT id, user_id, conversation_id, group_id, code, total_tokens, posted_by"
            " FROM llm_tracker_usage WHERE id = :id"
        ),
        {"id": line_id},
    )
    row = rows.one_or_none()
    return None if row is None else OutboxLine(*row)


async def post(session: WriteSession, line: OutboxLine) -> None:
    """Add `line` to the totals that the trigger left alone: its user's, and its group's and code's if it has them.

    Rows are locked in the trigger's order: users, groups, codes.
    """
    if line.user_id is not None:
        await add_to_user(session, line.user_id, line.total_tokens)
    if line.group_id is not None:
        await session.execute(
            text("UPDATE groups SET token_usage = token_usage + :tokens WHERE id = :id"),
            {"tokens": line.total_tokens, "id": line.group_id},
        )
    if line.code is not None:
        await session.execute(
            text("UPDATE activation_codes SET token_usage = token_usage + :tokens WHERE public_id = :id"),
            {"tokens": line.total_tokens, "id": line.code},
        )


async def add_to_user(session: WriteSession, user_id: int, tokens: int) -> None:
    """Add tokens of lines that are not posted by the trigger to their user's total."""
    await session.execute(
        text("UPDATE users SET token_usage = token_usage + :tokens WHERE id = :id"),
        {"tokens": tokens, "id": user_id},
    )


async def pending_adjustments(session: ReadSession | WriteSession) -> list[Unposted]:
    """Return the lines that no event has added to the totals yet, whether theirs is pending, dead or missing.

    A line is added in the transaction that marks its event consumed, so this and the totals agree in every snapshot.
    Read both in one.
    """
    rows = await session.execute(
        text(
            "SELECT line.id, line.user_id, line.conversation_id, line.group_id, line.code, line.total_tokens,"
            " event.id, event.status"
            " FROM llm_tracker_usage AS line LEFT JOIN outbox_events AS event"
            " ON event.key = line.id::text AND event.type = :type"
            " WHERE line.posted_by = 'outbox' AND event.status IS DISTINCT FROM 'consumed' ORDER BY line.id"
        ),
        {"type": ADJUSTMENT},
    )
    return [Unposted(*row) for row in rows]


ADJUSTMENT = "chat.token.usage.adjust.requested"
"""The type of the events that add lines to totals."""
