"""One limit per minute of one code in one process: taken for the current slot, and used."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from daybook.kit.errors import Limited

SLOT = 2
"""Seconds."""

SLOTS = 31
"""Those that any 60 seconds can touch."""

Kind = Literal["requests", "tokens"]

_REFUSED_FOR = 0.2  # seconds for which a limit that is reached is not asked about


class RateReached(Limited):
    """A limit per minute is reached. `code` is `requests_per_minute` or `tokens_per_minute`."""

    def __init__(self, kind: Kind, limit: int, retry_after: float) -> None:
        wait = max(retry_after, 1.0)
        super().__init__(
            f"This code may use {limit} {kind} per minute, all used. Try again in {wait:.0f} s.",
            code=f"{kind}_per_minute",
            retry_after=wait,
        )
        self.kind: Kind = kind
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Taken:
    """The database's grant. `oldest` is the first slot with usage."""

    taken: int
    slot: int
    slot_left: float
    """Seconds until the slot ends."""
    total: int
    oldest: int | None


class Window:
    """One limit of one code in this process."""

    def __init__(self, code_id: int, kind: Kind) -> None:
        self.code_id = code_id
        self.kind: Kind = kind
        self.limit = 0
        self.free = 0
        self.slot = 0
        self.ends = 0.0
        """By this process's monotonic clock: until then `free` may be used, and counts in `slot`."""
        self.waiting = 0
        """Needed by waiting calls, without the one that asks."""
        self.asking = asyncio.Lock()
        self.corrections: dict[int, int] = {}
        self.touched = time.monotonic()
        self._refused: tuple[float, int, RateReached] | None = None
        self._used = 0
        self._used_before = 0
        self._recent: dict[int, int] = {}
        """Usage of this process's calls by slot, counted against its own share."""

    def take(self, amount: int) -> bool:
        """Take `amount` if it is here."""
        if self.free < amount or time.monotonic() >= self.ends:
            return False
        self.free -= amount
        self._used += amount
        self._remember(self.slot, amount)
        return True

    def take_over(self, told: Taken, asked: float, amount: int) -> int:
        """Take `amount` (of tokens: or the rest) from the database's grant. Raises `RateReached`."""
        if told.slot != self.slot:
            self.end_slot()
            self._used_before = self._used if told.slot == self.slot + 1 else 0
            self._used = 0
            self.slot = told.slot
        self.ends = asked + told.slot_left  # not later than it ends there
        self.free += told.taken
        taken = min(amount, self.free) if self.kind == "tokens" else amount
        if taken and taken <= self.free:
            self.free -= taken
            self._used += taken
            self._remember(self.slot, taken)
            return taken
        free_again = (
            0.0 if told.oldest is None else (told.oldest + SLOTS - 1 - told.slot) * SLOT + told.slot_left
        )
        problem = RateReached(self.kind, self.limit, free_again)
        self._refused = (time.monotonic() + _REFUSED_FOR, amount, problem)
        raise problem

    def take_from_share(self, amount: int, share: int, slot: int) -> int:
        """Take `amount` (of tokens: or the rest) from this process's share. Raises `RateReached`."""
        self._expire(slot)
        left = share - sum(self._recent.values())
        taken = min(amount, left) if self.kind == "tokens" else amount
        if taken <= 0 or taken > left:
            oldest = min(self._recent, default=slot)
            raise RateReached(self.kind, self.limit, float((oldest + SLOTS - slot) * SLOT))
        self.end_slot()
        self.slot, self.ends = slot, 0.0
        self._remember(slot, taken)
        self.correct_later(slot, taken)
        return taken

    def check_refused(self, amount: int) -> None:
        """Raise a recent refusal again, so that many refused calls do not become as many queries."""
        if self._refused is not None:
            until, refused, problem = self._refused
            if time.monotonic() < until and (amount >= refused or self.kind == "tokens") and not self.free:
                raise problem
            self._refused = None

    def ahead(self) -> int:
        """Return how much more to take: for waiting calls, and the usage of a slot."""
        return max(self.waiting, self._used, self._used_before - self._used)

    def correct(self, slot: int, difference: int) -> None:
        """Correct a call's count by `difference`. Unused amounts are free at once."""
        if slot in self._recent:
            self._recent[slot] += difference
        if difference < 0 and slot == self.slot and time.monotonic() < self.ends:
            self.free -= difference
        else:
            self.correct_later(slot, difference)

    def correct_later(self, slot: int, difference: int) -> None:
        """Report `difference` of `slot` to the database later."""
        if difference:
            self.corrections[slot] = self.corrections.get(slot, 0) + difference

    def end_slot(self) -> None:
        """Return the rest of the slot."""
        free, self.free = self.free, 0
        self.correct_later(self.slot, -free)

    def take_corrections(self) -> list[tuple[int, int]]:
        """Take the pending corrections; the caller reports them."""
        if time.monotonic() >= self.ends:
            self.end_slot()
        corrections, self.corrections = self.corrections, {}
        return list(corrections.items())

    def not_told(self, corrections: Iterable[tuple[int, int]]) -> None:
        """Queue corrections whose outcome is unknown: usage is reported again; returns are not, to be safe."""
        for slot, difference in corrections:
            self.correct_later(slot, max(difference, 0))

    def _remember(self, slot: int, amount: int) -> None:
        self.touched = time.monotonic()
        if slot not in self._recent:
            self._expire(slot)
        self._recent[slot] = self._recent.get(slot, 0) + amount

    def _expire(self, slot: int) -> None:
        for old in [one for one in self._recent if one <= slot - SLOTS]:
            del self._recent[old]
