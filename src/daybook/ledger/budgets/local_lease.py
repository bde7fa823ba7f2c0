"""A lease in the memory of its process: amounts are taken and returned here. Slices come from PostgreSQL, ahead of need
if the budget has room, and waiting calls share one request for a slice.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal

from daybook.db.errors import DatabaseUnavailable
from daybook.kit.errors import Unavailable
from daybook.ledger.budgets.leases import SHARE, Slice
from daybook.ledger.budgets.terms import PLACES, Terms

log = logging.getLogger(__name__)

AskSlice = Callable[[Terms, date, Decimal, Decimal], Awaitable[Slice]]
"""Asks PostgreSQL for a slice of a budget's period: exactly this, and up to so much ahead. Raises `Unavailable`."""

_ZERO = Decimal(0)
_AHEAD = 8  # calls that the first slice is for
_MOST_AHEAD = 4096
_IDLE = 10.0  # seconds after which unused amounts are returned


class NoRoom(Exception):
    """The budget has no room for an amount. `own` is the amount that this process had free."""

    def __init__(self, told: Slice, own: Decimal) -> None:
        super().__init__("The budget has no room.")
        self.told = told
        self.own = own


@dataclass(slots=True)
class _Waiter:
    amount: Decimal
    taken: "asyncio.Future[bool]"


def _was_given(taken: "asyncio.Future[bool]") -> bool:
    return taken.done() and not taken.cancelled() and taken.exception() is None and taken.result()


class LocalLease:
    """The amount that this process may still take of one period of one budget."""

    def __init__(self, terms: Terms, start: date, ask: AskSlice) -> None:
        self.terms = terms
        self.start = start
        self.free = _ZERO
        self.under_way = 0
        """Calls that hold something of it."""
        self._ask = ask
        self._unit = Decimal(1).scaleb(-PLACES[terms.unit])
        self._lease_id: int | None = None
        self._granted = _ZERO
        self._unsure = _ZERO
        """Being returned when the response was lost; the next response reports the outcome."""
        self._waiting: deque[_Waiter] = deque()
        self._asking: asyncio.Task[None] | None = None
        self._typical = _ZERO
        self._giving_back = False
        self._calls_ahead = _AHEAD
        self._share: Decimal | None = None
        """The most that could be leased ahead when we last heard; None before."""
        self._taken_at = time.monotonic()

    def has(self, amount: Decimal) -> bool:
        """True if `amount` can be taken at once."""
        return not self._waiting and self.free >= amount

    def take_now(self, amount: Decimal) -> None:
        """Take `amount`, which `has` said is there, and see to it that there is more before it runs dry."""
        self.free -= amount
        self.under_way += 1
        self._note(amount)
        if self.free < self._ahead() / 2:
            self._ask_soon()

    async def take(self, amount: Decimal) -> bool:
        """Take `amount`, waiting for a slice if needed. False if the budget no longer exists.

        Raises `NoRoom`, or `Unavailable` if the database is unavailable.
        """
        if self.has(amount):
            self.take_now(amount)
            return True
        self._note(amount)
        waiter = _Waiter(amount, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._ask_soon()
        try:
            return await waiter.taken
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif _was_given(waiter.taken):
                self.put_back(amount)
            raise

    def put_back(self, amount: Decimal) -> None:
        """Return `amount` that an ended call did not need."""
        self.under_way -= 1
        self.free += amount
        self._serve()

    def surplus(self, left: Decimal) -> Decimal:
        """Return the surplus if all processes together have `left`; all of an idle lease."""
        idle = time.monotonic() - self._taken_at > _IDLE
        if self._asking is not None or self._giving_back or self._waiting or self.free <= 0:
            return _ZERO
        self._share = left / SHARE
        comfortable = _ZERO if idle else self._ahead()
        if idle:
            self._calls_ahead = _AHEAD
        return self.free - comfortable if idle or self.free > 2 * comfortable else _ZERO

    def give_back(self, amount: Decimal) -> None:
        """Mark `amount` as being returned. No slice is requested until the outcome is known."""
        self.free -= amount
        self._unsure += amount
        self._giving_back = True

    def gave_back(self, granted: Decimal | None) -> None:
        """Finish returning: the total grant is `granted` now; None if the lease is gone."""
        self.learn(None if granted is None else self._lease_id, granted or _ZERO)
        self.end_giving_back()

    def end_giving_back(self) -> None:
        """Finish returning with an unknown outcome: the next response reports it."""
        self._giving_back = False
        self._serve()
        if self._waiting:
            self._ask_soon()

    def learn(self, lease_id: int | None, granted: Decimal) -> None:
        """Take over the grant that PostgreSQL reports, including changes whose response was lost. A new id means that
        the lease was released while we lived: then only the new lease is ours.
        """
        if lease_id is None or (self._lease_id is not None and lease_id != self._lease_id):
            self.free = granted
        else:
            self.free += granted - self._granted + self._unsure
        self._unsure = _ZERO
        self._lease_id, self._granted = lease_id, granted

    @property
    def idle(self) -> bool:
        """True if nothing would be lost by forgetting it."""
        return not (self.free or self.under_way or self._unsure or self._waiting or self._asking)

    async def close(self) -> None:
        """Fail the waiting calls, and wait for the response to a pending request."""
        self._fail(Unavailable("Daybook is stopping. Try again in a moment.", code="stopping"))
        if self._asking is not None:
            await self._asking

    def _note(self, amount: Decimal) -> None:
        self._taken_at = time.monotonic()
        self._typical = amount if not self._typical else (self._typical * 7 + amount) / 8

    def _ahead(self) -> Decimal:
        """Return the amount to keep free beyond the need of waiting calls; in whole units, so that sums stay exact."""
        wanted = min(self._typical * self._calls_ahead, self.terms.limit)
        if self._share is not None:
            wanted = min(wanted, self._share) if self._share >= self._typical else _ZERO
        return wanted.quantize(self._unit, ROUND_DOWN)

    def _ask_soon(self) -> None:
        if self._asking is None and not self._giving_back:
            self._asking = asyncio.create_task(self._ask_until_served(), name="budget slice")

    async def _ask_until_served(self) -> None:
        try:
            while True:
                self._serve()
                needed = sum((one.amount for one in self._waiting), _ZERO)
                exact = max(needed - self.free, _ZERO)
                ahead = max(self._ahead() - max(self.free - needed, _ZERO), _ZERO)
                if not exact and not ahead:
                    return
                told = await self._ask(self.terms, self.start, exact, ahead)
                self.learn(told.lease_id, told.granted)
                self._share = max(told.left - told.amount, _ZERO) / SHARE
                self._serve()
                if not told.active:
                    self._let_go()
                elif self._waiting and told.amount < exact:
                    self._refuse(told)
                if not self._waiting:
                    return
                # They arrived during the request: calls are faster than slices, so take larger slices.
                self._calls_ahead = min(self._calls_ahead * 2, _MOST_AHEAD)
        except Unavailable as problem:
            self._fail(problem)
        except Exception:
            log.exception("A slice of budget %d could not be leased.", self.terms.id)
            self._fail(DatabaseUnavailable())
        finally:
            self._asking = None

    def _serve(self) -> None:
        """Serve the waiting calls, first come first served."""
        while self._waiting and self.free >= self._waiting[0].amount:
            waiter = self._waiting.popleft()
            if waiter.taken.done():
                continue
            self.free -= waiter.amount
            self.under_way += 1
            waiter.taken.set_result(True)

    def _refuse(self, told: Slice) -> None:
        """Refuse the waiting calls that do not fit, first come first served; the others ask again."""
        room = self.free + told.left
        kept: deque[_Waiter] = deque()
        for waiter in self._waiting:
            if waiter.amount <= room:
                room -= waiter.amount
                kept.append(waiter)
            elif not waiter.taken.done():
                waiter.taken.set_exception(NoRoom(told, self.free))
        self._waiting = kept

    def _let_go(self) -> None:
        """Let the waiting calls pass: the budget is inactive."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.taken.done():
                waiter.taken.set_result(False)

    def _fail(self, problem: Unavailable) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.taken.done():
                waiter.taken.set_exception(problem)
