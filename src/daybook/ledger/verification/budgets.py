"""Checks of budgets: used and held of their periods and settlements, against lines and leases."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from daybook.db.engine import driver_connection
from daybook.ledger.budgets.settling import SETTLED, TOOK, expected_held, expected_overrun, expected_use
from daybook.ledger.verification.checks import Check

_TABLES = ("budget_periods", "budget_leases", "budget_settlements")


async def _use(session: AsyncSession) -> Mapping[str, Any]:
    return _columns(await expected_use(await driver_connection(session)))


async def _overrun(session: AsyncSession) -> Mapping[str, Any]:
    return _columns(await expected_overrun(await driver_connection(session)))


async def _held(session: AsyncSession) -> Mapping[str, Any]:
    return _columns(await expected_held(await driver_connection(session)))


def _columns(amounts: Mapping[tuple[int, date], Decimal]) -> Mapping[str, Any]:
    return {
        "budget_ids": [key[0] for key in amounts],
        "starts": [key[1] for key in amounts],
        "amounts": list(amounts.values()),
    }


def _check(column: str, query_parameters: Any) -> Check:
    return Check(
        f"budget_periods.{column}",
        f"""
        SELECT jsonb_build_object('budget_id', budget_id, 'period_start', period_start) AS key,
            to_jsonb(trim_scale(stands.{column})::text) AS stored, to_jsonb(trim_scale(known.amount)::text) AS expected
        FROM unnest(CAST(:budget_ids AS integer[]), CAST(:starts AS date[]), CAST(:amounts AS numeric[]))
            AS known (budget_id, period_start, amount)
        LEFT JOIN budget_periods AS stands USING (budget_id, period_start)
        WHERE stands.{column} IS DISTINCT FROM known.amount
        """,  # noqa: S608  (our own names)
        (
            f"""
            INSERT INTO budget_periods (budget_id, period_start, {column})
            SELECT (key ->> 'budget_id')::integer, (key ->> 'period_start')::date, (after #>> '{{}}')::numeric
            FROM changes
            ON CONFLICT (budget_id, period_start) DO UPDATE SET {column} = excluded.{column}
            """,  # noqa: S608  (our own names)
        ),
        _TABLES,
        query_parameters,
    )


SETTLEMENTS = Check(
    "budget_settlements.used",
    f"""
    SELECT jsonb_build_object('call_id', s.call_id, 'budget_id', s.budget_id) AS key,
        to_jsonb(trim_scale(s.used)::text) AS stored, to_jsonb(trim_scale({TOOK})::text) AS expected
    FROM {SETTLED} WHERE s.used <> {TOOK}
    """,  # noqa: S608  (our own names)
    (
        """
        UPDATE budget_settlements AS stands SET used = (changes.after #>> '{}')::numeric
        FROM changes
        WHERE stands.call_id = (changes.key ->> 'call_id')::uuid
            AND stands.budget_id = (changes.key ->> 'budget_id')::integer
        """,
    ),
    _TABLES,
)

BUDGETS = (_check("used", _use), _check("overrun", _overrun), _check("held", _held), SETTLEMENTS)
