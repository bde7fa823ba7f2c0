"""The event `budget.soft.reached`: once per soft budget and period, in the transaction of the call that did it."""

import logging
from collections.abc import Sequence
from datetime import date

import orjson
from pydantic import BaseModel

from daybook.db.engine import WriteSession
from daybook.kit.money import Money
from daybook.ledger.budgets.errors import amount_text
from daybook.ledger.budgets.leases import Connection
from daybook.ledger.budgets.terms import SubjectKind, Unit
from daybook.ledger.outbox.handlers import Event, Handler

log = logging.getLogger(__name__)

SOFT_REACHED = "budget.soft.reached"


class SoftBudgetReached(BaseModel):
    """A soft budget has been reached, for the first time in its period."""

    budget_id: int
    period_start: date
    subject: SubjectKind
    subject_id: int
    unit: Unit
    limit: Money
    used: Money


async def publish_reached(connection: Connection, reached: Sequence[SoftBudgetReached]) -> None:
    """Write the events in the transaction of a raw connection, as `outbox.service.publish` does in a session's."""
    await connection.executemany(
        "INSERT INTO outbox_events (type, aggregate, key, payload) VALUES ($1, $2, $3, $4::text::jsonb) "
        "ON CONFLICT (key, type) DO NOTHING",
        [
            (
                SOFT_REACHED,
                f"budget:{one.budget_id}",
                f"{one.budget_id}:{one.period_start}",
                orjson.dumps(one.model_dump(mode="json")).decode(),
            )
            for one in reached
        ],
    )


async def _tell(_: WriteSession, event: Event, reached: SoftBudgetReached) -> None:
    log.warning(
        "Budget %d (%s %d) is reached: %s used of %s in the period from %s; calls go on. Event %d.",
        reached.budget_id,
        reached.subject,
        reached.subject_id,
        amount_text(reached.used, reached.unit),
        amount_text(reached.limit, reached.unit),
        reached.period_start,
        event.id,
    )


HANDLER = Handler(SOFT_REACHED, 1, SoftBudgetReached, _tell)
"""Log the event in the worker."""
