"""Reservations of one gateway process: from leases in memory, which come from PostgreSQL.

A call under a hard budget needs an answer of the database within the last `AWAY_AFTER` seconds. A lease would stay
valid without, but no administrator could change or release a budget: the gateway promises 503.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

import asyncpg

from daybook.db.errors import DRIVER_ERRORS, DatabaseUnavailable
from daybook.db.listening import Listener
from daybook.kit.clock import now
from daybook.kit.loops import set_within
from daybook.ledger.budgets.holds import Hold, HoldPart
from daybook.ledger.budgets.known import KnownBudgets
from daybook.ledger.budgets.leases import Connection, Slice, Surplus, give_back, take_slice
from daybook.ledger.budgets.local_lease import LocalLease, NoRoom
from daybook.ledger.budgets.periods import period_start, starts_at
from daybook.ledger.budgets.refusals import budget_reached, price_unknown
from daybook.ledger.budgets.terms import PLACES, BudgetWarning, Subjects, Terms

log = logging.getLogger(__name__)

PULSE = 1.0
"""Seconds between proofs that the database is available. Each also reads the amounts of its own leases."""

REREAD = 60.0
"""Seconds after which all budgets are read again, should a notification have been lost."""

AWAY_AFTER = 3.0
"""Seconds without an answer of the database after which calls under a hard budget are refused."""

SEEN = 5.0
"""Seconds between signs of life of this process."""

CHANNEL = "daybook_budgets"
"""Notified by a trigger when budgets change, and by `settling` when a soft one is reached."""

_TRIES = 4
_BUSY = 0.02  # at most this part of the time goes into reading all budgets, unless
_LATEST = 1.5  # at most this many seconds until a new or lowered budget is felt


class AtMost(Protocol):
    """The most that a call can take: see `bounds.Bound`."""

    @property
    def tokens(self) -> int:
        """Tokens, prompt and answer together."""
        ...

    @property
    def money(self) -> Decimal | None:
        """USD; None if the price is unknown."""
        ...


class BudgetKeeper:
    """The budgets of one process. `owner` is the id of its journal, through which its leases are settled.

    `takes_callers`: it is a gateway and has a share of the limits per minute while the database is unavailable.
    """

    def __init__(
        self, dsn: str, owner: str, *, takes_callers: bool = True, clock: Callable[[], datetime] = now
    ) -> None:
        self.owner = owner
        self._dsn = dsn
        self._takes_callers = takes_callers
        self._clock = clock
        self._pool: asyncpg.Pool | None = None
        self._known = KnownBudgets()
        self._leases: dict[tuple[int, date], LocalLease] = {}
        self._heard_at = float("-inf")
        self._seen_at = float("-inf")
        self._read_at = float("-inf")
        self._is_stale = True
        self._is_away = False
        self._pulse: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._woken = asyncio.Event()
        self._listener = Listener(dsn, {CHANNEL: self._changed})

    async def start(self) -> None:
        """Read the budgets, then follow their changes. The database need not be available."""
        self._pool = await asyncpg.create_pool(
            self._dsn, min_size=0, max_size=4, timeout=AWAY_AFTER, command_timeout=AWAY_AFTER
        )
        await self._look()
        self._listener.start()
        self._pulse = asyncio.create_task(self._follow(), name="budgets")

    def covers(self, subjects: Subjects) -> bool:
        """True if `subjects` may have budgets. Always true before the budgets were read."""
        return self._heard_at == float("-inf") or bool(self._known.of(subjects))

    async def hold(
        self, subjects: Subjects, bound: AtMost, *, model: str = "", at: datetime | None = None
    ) -> Hold:
        """Reserve the bound of a call of `subjects` in all of its hard budgets, or in none.

        The periods are those of `at`, the call's start (default: now). Raises `BudgetReached`, `PriceUnknown`, or
        `Unavailable` if the call is under a hard budget and the database is unavailable.
        """
        terms = self._known.of(subjects)
        if not terms:
            if self._heard_at == float("-inf"):
                raise DatabaseUnavailable
            return Hold()
        moment = at or self._clock()
        self._known.watch(terms)
        parts = [self._part(one, bound, model, moment) for one in terms]
        wanted = [(self._lease(part), part.amount) for part in parts if part.amount]
        if wanted:
            self._check_reachable()
        if all(lease.has(amount) for lease, amount in wanted):
            for lease, amount in wanted:
                lease.take_now(amount)
        else:
            gone = await self._take_in_turn(wanted)
            parts = [part for part in parts if part.budget_id not in gone]
        return Hold(parts, self._put_back)

    def warnings(self, subjects: Subjects) -> list[BudgetWarning]:
        """Return the soft budgets of `subjects` that are reached, as last read."""
        return self._known.warnings(subjects, self._clock())

    async def close(self) -> None:
        """Return what is not held. Reservations of calls stay leased until their journal is shipped."""
        self._closing.set()
        self._woken.set()
        if self._pulse is not None:
            await self._pulse
        await self._listener.close()
        for lease in self._leases.values():
            await lease.close()
        if self._pool is None:
            return
        for attempt in range(_TRIES):
            try:
                await self._give_back_all(self._pool)
            except DRIVER_ERRORS as problem:
                log.warning(
                    "Unused amounts of budgets stay leased until the journal is shipped (%s).",
                    type(problem).__name__,
                )
                await asyncio.sleep(0.05 * 2**attempt)
            else:
                break
        self._pool.terminate()

    async def _give_back_all(self, pool: asyncpg.Pool) -> None:
        """Return the free amounts, as the database knows the leases. The shipper releases the rest."""
        async with pool.acquire(timeout=AWAY_AFTER) as connection:
            for budget_id, start, lease_id, granted in await connection.fetch(_LEASES, self.owner):
                if lease := self._leases.get((budget_id, start)):
                    lease.learn(lease_id, granted)
            await connection.execute("DELETE FROM budget_owners WHERE owner = $1", self.owner)
        await self._give_back([(lease, lease.free) for lease in self._leases.values()])

    def _part(self, terms: Terms, bound: AtMost, model: str, moment: datetime) -> HoldPart:
        start = period_start(terms.period, moment)
        if not terms.hard:
            return HoldPart(terms.id, start, Decimal(0), terms.unit)
        amount = bound.tokens if terms.unit == "tokens" else bound.money
        if amount is None:
            raise price_unknown(terms, model)
        return HoldPart(terms.id, start, Decimal(amount), terms.unit)

    def _lease(self, part: HoldPart) -> LocalLease:
        key = (part.budget_id, part.start)
        lease = self._leases.get(key)
        if lease is None:
            lease = self._leases[key] = LocalLease(self._known.terms[part.budget_id], part.start, self._ask)
        return lease

    async def _take_in_turn(self, wanted: Sequence[tuple[LocalLease, Decimal]]) -> set[int]:
        """Take all or nothing. Returns the budgets that do not exist any more."""
        taken: list[tuple[LocalLease, Decimal]] = []
        gone: set[int] = set()
        try:
            for lease, amount in wanted:
                try:
                    exists = await lease.take(amount)
                except NoRoom as problem:
                    raise budget_reached(lease.terms, lease.start, amount, problem, self._clock()) from None
                if exists:
                    taken.append((lease, amount))
                else:
                    gone.add(lease.terms.id)
        except BaseException:
            for lease, amount in taken:
                lease.put_back(amount)
            raise
        return gone

    def _put_back(self, part: HoldPart, amount: Decimal) -> None:
        lease = self._leases.get((part.budget_id, part.start)) if part.amount else None
        if lease is not None:
            lease.put_back(amount)

    def _check_reachable(self) -> None:
        if time.monotonic() - self._heard_at > AWAY_AFTER:
            raise DatabaseUnavailable

    async def _ask(self, terms: Terms, start: date, exact: Decimal, ahead: Decimal) -> Slice:
        """Lease a slice. Retry on a lost connection: after a restart of the server all pooled ones are lost."""
        assert self._pool is not None, "start() comes first"  # noqa: S101  (a mistake of ours)
        for attempt in range(_TRIES):
            try:
                async with self._pool.acquire(timeout=AWAY_AFTER) as connection:
                    told = await take_slice(
                        connection,
                        self.owner,
                        terms.id,
                        start,
                        exact=exact,
                        ahead=ahead,
                        places=PLACES[terms.unit],
                    )
            except DRIVER_ERRORS as problem:
                log.info("A slice of budget %d was not leased: %s", terms.id, type(problem).__name__)
                await asyncio.sleep(0.05 * 2**attempt)
            else:
                self._heard_at = time.monotonic()
                return told
        raise DatabaseUnavailable

    def _changed(self, _: str | None) -> None:
        """Have all budgets read again."""
        self._is_stale = True
        self._woken.set()

    async def _follow(self) -> None:
        while not self._closing.is_set():
            self._woken.clear()
            whole = self._is_stale or self._is_away or time.monotonic() - self._read_at > REREAD
            started = time.perf_counter()
            await self._look(whole=whole)
            rest = min((time.perf_counter() - started) / _BUSY, _LATEST) if whole else 0.0
            await set_within(self._closing, rest)
            if not self._closing.is_set():
                await set_within(self._woken, PULSE - rest)

    async def _look(self, *, whole: bool = True) -> None:
        """Read all budgets, or the amounts needed here; report this process alive; return surplus."""
        assert self._pool is not None, "start() comes first"  # noqa: S101  (a mistake of ours)
        moment = self._clock()
        if whole:
            self._is_stale = False
        try:
            async with self._pool.acquire(timeout=AWAY_AFTER) as connection:
                if whole:
                    self._take_over(await connection.fetch(_TERMS))
                needed = self._known.needed(moment, self._leases.keys(), whole=whole)
                amounts = await connection.fetch(
                    _AMOUNTS, [budget_id for budget_id, _ in needed], [start for _, start in needed]
                )
                if time.monotonic() - self._seen_at > SEEN:
                    await connection.execute(_SEEN, self.owner, self._takes_callers)
                    month = starts_at(period_start("month", moment))
                    await self._forget(connection, period_start("month", month - timedelta(days=1)))
                    self._seen_at = time.monotonic()
            if self._is_away:
                log.warning("The budgets can be read again.")
            self._heard_at, self._is_away = time.monotonic(), False
            if whole:
                self._read_at = self._heard_at
            left = self._known.left(amounts)
            await self._give_back(
                [(lease, lease.surplus(left.get(key, Decimal(0)))) for key, lease in self._leases.items()]
            )
        except DRIVER_ERRORS as problem:
            self._is_stale = self._is_stale or whole
            if not self._is_away:
                log.warning("The budgets cannot be read: %s", type(problem).__name__)
            self._is_away = True
        except Exception:
            self._is_stale = self._is_stale or whole
            log.exception("The budgets could not be read.")

    def _take_over(self, rows: Sequence[asyncpg.Record]) -> None:
        self._known.take_over(rows)
        for lease in self._leases.values():
            lease.terms = self._known.terms.get(lease.terms.id, lease.terms)

    async def _forget(self, connection: Connection, before: date) -> None:
        """Forget old leases here and in the database together: one restored later would count as unspent."""
        for budget_id, start in await connection.fetch(_FORGET, self.owner, before):
            lease = self._leases.get((budget_id, start))
            if lease is not None and lease.idle:
                del self._leases[budget_id, start]

    async def _give_back(self, wanted: Sequence[tuple[LocalLease, Decimal]]) -> None:
        """Return surplus. If the response is lost, the next slice reports the outcome."""
        given = [(lease, amount) for lease, amount in wanted if amount > 0]
        if not given:
            return
        assert self._pool is not None, "start() comes first"  # noqa: S101  (a mistake of ours)
        for lease, amount in given:
            lease.give_back(amount)
        try:
            async with self._pool.acquire(timeout=AWAY_AFTER) as connection:
                granted = await give_back(
                    connection,
                    self.owner,
                    [Surplus(lease.terms.id, lease.start, amount) for lease, amount in given],
                )
        except BaseException:
            for lease, _ in given:
                lease.end_giving_back()
            raise
        for lease, _ in given:
            lease.gave_back(granted.get((lease.terms.id, lease.start)))


_TERMS = 'SELECT id, subject, subject_id, period, unit, "limit", hard FROM budgets WHERE active ORDER BY id'

_AMOUNTS = """
SELECT p.budget_id, p.period_start, p.used, p.held FROM budget_periods p
JOIN unnest($1::integer[], $2::date[]) AS needed (budget_id, period_start) USING (budget_id, period_start)
"""

_LEASES = "SELECT budget_id, period_start, id, granted FROM budget_leases WHERE owner = $1"

_FORGET = (
    "DELETE FROM budget_leases WHERE owner = $1 AND period_start < $2 AND granted = settled "
    "RETURNING budget_id, period_start"
)

_SEEN = (
    "INSERT INTO budget_owners (owner, takes_callers) VALUES ($1, $2) "
    "ON CONFLICT (owner) DO UPDATE SET seen_at = now()"
)
