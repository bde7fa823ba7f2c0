"""The budgets in the memory of a process: their terms, and the usage of soft ones."""

import time
from collections.abc import Collection, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from daybook.ledger.budgets.periods import period_start, resets_at
from daybook.ledger.budgets.refusals import warning_words
from daybook.ledger.budgets.terms import BudgetWarning, Subjects, Terms

_WATCHED = 60.0  # seconds for which the usage of a soft budget is read after a call

Key = tuple[int, date]
"""A budget's id and the start of a period."""


class KnownBudgets:
    """The active budgets, as last read."""

    def __init__(self) -> None:
        self.terms: dict[int, Terms] = {}
        self.used: dict[int, tuple[date, Decimal]] = {}
        """Soft budgets: a period and its usage."""
        self._of_subject: dict[tuple[str, int], list[Terms]] = {}
        self._called: dict[int, float] = {}
        """Soft budgets, and when a call was last under them."""

    def of(self, subjects: Subjects) -> list[Terms]:
        """Return the budgets of `subjects`."""
        return [one for pair in subjects.pairs() for one in self._of_subject.get(pair, ())]

    def watch(self, terms: Iterable[Terms]) -> None:
        """Have the usage of the soft ones read for a while: a call is under them."""
        for one in terms:
            if not one.hard:
                self._called[one.id] = time.monotonic()

    def take_over(self, rows: Iterable[Iterable[Any]]) -> None:
        """Replace all budgets by `rows`, the values of `Terms`."""
        of_subject: dict[tuple[str, int], list[Terms]] = {}
        self.terms = {one.id: one for one in (Terms(*row) for row in rows)}
        for one in self.terms.values():
            of_subject.setdefault((one.subject, one.subject_id), []).append(one)
        self._of_subject = of_subject
        for of_budget in (self.used, self._called):
            for gone in of_budget.keys() - self.terms.keys():
                del of_budget[gone]

    def needed(self, moment: datetime, leased: Collection[Key], *, whole: bool) -> list[Key]:
        """Return the current periods to read: those with a lease, and of soft budgets those with recent calls.

        With `whole`, those of all soft budgets.
        """
        recent = time.monotonic() - _WATCHED
        starts = {period: period_start(period, moment) for period in ("day", "month")}
        keys = [(one, (one.id, starts[one.period])) for one in self.terms.values()]
        return [
            key
            for one, key in keys
            if (key in leased if one.hard else whole or self._called.get(one.id, recent) > recent)
        ]

    def left(self, amounts: Iterable[Iterable[Any]]) -> dict[Key, Decimal]:
        """Store the usage of soft budgets. Return what is left of each hard one."""
        left: dict[Key, Decimal] = {}
        for budget_id, start, used, held in amounts:
            terms = self.terms.get(budget_id)
            if terms is not None and terms.hard:
                left[budget_id, start] = max(terms.limit - used - held, Decimal(0))
            elif terms is not None:
                self.used[budget_id] = (start, used)
        return left

    def warnings(self, subjects: Subjects, moment: datetime) -> list[BudgetWarning]:
        """Return the soft budgets of `subjects` that are reached, as last read."""
        found: list[BudgetWarning] = []
        for one in self.of(subjects):
            start = period_start(one.period, moment)
            known, used = self.used.get(one.id, (start, Decimal(0)))
            if not one.hard and start == known and used >= one.limit:
                ends = resets_at(one.period, start)
                found.append(BudgetWarning(one.id, one.limit, used, ends, warning_words(one, used, ends)))
        return found
