"""Limits per minute (requests, tokens) of activation codes, across processes.

Guarantee: in no window of 60 seconds do calls of a code begin that exceed its limit. Tokens count at the start of their
call: first its bound, then its usage once it has ended.

How: PostgreSQL's clock divides time into slots of two seconds. A process takes for the current slot what its calls need
(`rate_take`), if this slot and the 30 before it stay within the limit. It uses what it took within the slot and returns
the rest. So the limit holds in every 60 seconds, and at an even pace 30/31 of it can be used.

Tolerance: a call that may use more tokens than are left takes all that are left, and no other begins before it has
ended. So only one such call can exceed the limit, never several. While the database is unavailable, each process keeps
to its share (the limit divided by the live processes), so up to twice the limit can pass in the first minute; likewise
in the minute after a crash of the server, which loses the counters.
"""

import asyncio
import logging
import time

import asyncpg

from daybook.db.errors import DRIVER_ERRORS
from daybook.kit.loops import every
from daybook.ledger.rate_limits.windows import SLOT, SLOTS, Kind, Taken, Window

log = logging.getLogger(__name__)

PULSE = 1.0
"""Seconds between returns of unused amounts."""

_SHARES = 8  # beyond need, at most this part of the rest is taken
_TIMEOUT = 2.0
_AWAY_FOR = 1.0  # seconds for which a database that did not answer is not asked
_FORGET = 120.0


class RateHold:
    """A call's count against its limits. `close` sets its usage and takes effect once."""

    __slots__ = ("_amount", "_slot", "_window")

    def __init__(self, window: "Window | None" = None, amount: int = 0) -> None:
        self._window = window
        self._amount = amount
        self._slot = 0 if window is None else window.slot

    def close(self, tokens: int | None) -> None:
        """Count the call as `tokens`; None if unknown: then the first count stays."""
        window, self._window = self._window, None
        if window is not None and tokens is not None:
            window.correct(self._slot, tokens - self._amount)


class RateKeeper:
    """The limits per minute of one process. `owner` is that of its `BudgetKeeper`, which reports the process alive."""

    def __init__(self, dsn: str, owner: str) -> None:
        self.owner = owner
        self._dsn = dsn
        self._pool: asyncpg.Pool | None = None
        self._windows: dict[tuple[int, Kind], Window] = {}
        self._away_until = 0.0
        self._processes = [owner]
        self._slot_began = (int(time.time()) // SLOT, time.monotonic())
        self._pulse: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def start(self) -> None:
        """Begin to return unused amounts. The database need not be available."""
        self._pool = await asyncpg.create_pool(
            self._dsn, min_size=0, max_size=2, timeout=_TIMEOUT, command_timeout=_TIMEOUT
        )
        self._pulse = asyncio.create_task(
            every(PULSE, self._forget_and_correct, self._closing, "Correcting rates", first=PULSE)
        )

    async def hold(
        self, code_id: int, *, requests: int | None, tokens: int | None, most_tokens: int
    ) -> RateHold:
        """Count a call of a code with limits of `requests` and `tokens` per minute (None: no limit). Raises
        `RateReached`.
        """
        counted = RateHold() if requests is None else await self._take(code_id, "requests", requests, 1)
        if tokens is None:
            return RateHold()
        try:
            return await self._take(code_id, "tokens", tokens, min(max(most_tokens, 1), tokens))
        except BaseException:
            counted.close(0)
            raise

    async def close(self) -> None:
        """Return unused amounts, and stop."""
        self._closing.set()
        if self._pulse is not None:
            await self._pulse
        for window in self._windows.values():
            window.end_slot()
        await self._correct()
        if self._pool is not None:
            self._pool.terminate()

    async def _take(self, code_id: int, kind: Kind, limit: int, amount: int) -> RateHold:
        window = self._windows.get((code_id, kind))
        if window is None:
            window = self._windows[code_id, kind] = Window(code_id, kind)
        window.limit = limit
        if window.take(amount):
            return RateHold(window, amount)
        window.waiting += amount
        try:
            await window.asking.acquire()
        finally:
            window.waiting -= amount
        try:
            taken = amount if window.take(amount) else await self._ask(window, amount)
            return RateHold(window, taken)
        finally:
            window.asking.release()

    async def _ask(self, window: Window, amount: int) -> int:
        """Take `amount` or the rest from the database; while it is unavailable, from this process's share."""
        window.check_refused(amount)
        asked = time.monotonic()
        if asked >= self._away_until:
            try:
                told = await self._query(window, amount)
            except DRIVER_ERRORS as problem:
                log.warning("Limits per minute are kept without the database: %s", type(problem).__name__)
                self._away_until = time.monotonic() + _AWAY_FOR
            else:
                self._slot_began = (told.slot, asked + told.slot_left - SLOT)
                return window.take_over(told, asked, amount)
        number, began = self._slot_began
        slot = number + int((asked - began) // SLOT)
        return window.take_from_share(amount, self._share(window.limit), slot)

    async def _query(self, window: Window, amount: int) -> Taken:
        assert self._pool is not None, "start() comes first"  # noqa: S101  (a mistake of ours)
        corrections = window.take_corrections()
        try:
            async with self._pool.acquire(timeout=_TIMEOUT) as connection:
                row = await connection.fetchrow(
                    "SELECT * FROM rate_take($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                    window.code_id,
                    window.kind,
                    amount,
                    window.ahead(),
                    window.limit,
                    _SHARES,
                    SLOT,
                    SLOTS,
                    [slot for slot, _ in corrections],
                    [difference for _, difference in corrections],
                )
        except BaseException:
            window.not_told(corrections)
            raise
        if row is None:
            raise LookupError("rate_take answers with one row.")
        return Taken(*row)

    def _share(self, limit: int) -> int:
        """Return this process's share of `limit`. The shares add up to the limit."""
        others = self._processes
        rank = others.index(self.owner) if self.owner in others else len(others)
        return limit // len(others) + (rank < limit % len(others))

    async def _forget_and_correct(self) -> None:
        moment = time.monotonic()
        for key, window in list(self._windows.items()):
            if moment - window.touched > _FORGET and not window.corrections:
                del self._windows[key]
        await self._correct()

    async def _correct(self) -> None:
        """Report amounts that were not used or exceeded. Reports that come too late are dropped."""
        number, began = self._slot_began
        oldest = number + int((time.monotonic() - began) // SLOT) - SLOTS
        rows = [
            (window, slot, difference)
            for window in self._windows.values()
            for slot, difference in window.take_corrections()
            if slot > oldest
        ]
        if self._pool is None:
            return
        try:
            async with self._pool.acquire(timeout=_TIMEOUT) as connection:
                if rows:
                    columns = zip(
                        *((one.code_id, one.kind, slot, more) for one, slot, more in rows), strict=True
                    )
                    await connection.execute(_CORRECT, *map(list, columns))
                alive = await connection.fetch(_ALIVE)
            self._processes = sorted({self.owner, *(row[0] for row in alive)})
        except DRIVER_ERRORS as problem:
            for window, slot, difference in rows:
                window.not_told([(slot, difference)])
            log.info("Limits per minute are corrected later: %s", type(problem).__name__)


# A missing slot was never requested: it was used from a share while the database was unavailable.
_CORRECT = """
WITH told AS (
    SELECT * FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[]) AS t (code_id, kind, slot, more)
), known AS (
    UPDATE rate_slots r SET used = greatest(r.used + t.more, 0) FROM told t
    WHERE (r.code_id, r.kind, r.slot) = (t.code_id, t.kind, t.slot)
    RETURNING r.code_id, r.kind, r.slot
)
INSERT INTO rate_slots AS r (code_id, kind, slot, used)
SELECT t.code_id, t.kind, t.slot, t.more FROM told t
WHERE t.more > 0 AND NOT EXISTS (
    SELECT FROM known k WHERE (k.code_id, k.kind, k.slot) = (t.code_id, t.kind, t.slot)
)
ON CONFLICT (code_id, kind, slot) DO UPDATE SET used = r.used + excluded.used
"""

_ALIVE = "SELECT owner FROM budget_owners WHERE takes_callers AND seen_at > now() - interval '15 seconds'"
