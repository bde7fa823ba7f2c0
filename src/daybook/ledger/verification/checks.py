"""Checks: queries that find stored values that differ from the lines."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from daybook.db.engine import ReadSession
from daybook.ledger import posting

Parameters = Callable[[AsyncSession], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of difference.

    `query` finds all of them: rows of `key`, `stored` and `expected`, in JSONB. `mend` statements repair the stored
    values from the `changes` rows (`key`, `before`, `after`). `tables` are locked against other writers while they run.
    """

    what: str
    query: str
    mend: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    parameters: Parameters | None = None
    """Parameters of the query."""


def counter(
    what: str, expected: str, *, id_column: str = "id", parameters: Parameters | None = None
) -> Check:
    """Return a check of `table.column`; `expected` sums the lines (`key`, `tokens`) for each `id_column`."""
    table, _, column = what.partition(".")
    mend = f"""
        UPDATE {table} AS counted SET {column} = (changes.after #>> '{{}}')::bigint
        FROM changes WHERE counted.{id_column}::text = changes.key ->> '{id_column}'
    """  # noqa: S608  (our own names)
    return Check(
        what,
        f"""
        SELECT jsonb_build_object('{id_column}', counted.{id_column}) AS key, to_jsonb(counted.{column}) AS stored,
            to_jsonb(coalesce(summed.tokens, 0)) AS expected
        FROM {table} AS counted LEFT JOIN ({expected}) AS summed ON summed.key = counted.{id_column}
        WHERE counted.{column} <> coalesce(summed.tokens, 0)
        """,  # noqa: S608  (our own names)
        (mend,),
        (table,),
        parameters,
    )


async def unposted(session: AsyncSession) -> Mapping[str, Any]:
    """`:unposted`: the ids of the lines that are not in the totals yet, for their events are not consumed."""
    waiting = await posting.pending_adjustments(ReadSession(session))
    return {"unposted": [line.line_id for line in waiting]}
