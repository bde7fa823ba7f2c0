"""Metrics of a job: seconds of each phase over all attempts, and the values that its work adds."""

import math
from decimal import Decimal
from typing import Any

from daybook.kit.money import money_text
from daybook.kit.text import storable

FIRST_PHASE = "starting"
"""The phase before the work names one."""


class Metrics:
    """Metrics of a running job. Times are seconds of a monotonic clock."""

    def __init__(self, earlier: dict[str, Any]) -> None:
        self._figures = {name: value for name, value in earlier.items() if name != "seconds"}
        self._seconds: dict[str, float] = dict(earlier.get("seconds") or {})
        self.phase: str | None = None
        self._since: float | None = None

    def begin(self, now: float) -> None:
        """Start the first phase."""
        self._since = now

    def enter(self, phase: str, now: float) -> None:
        """Start `phase`."""
        if phase != self.phase:
            self._seconds = self._added_up(now)
            self.phase, self._since = storable(phase), now

    def set(self, name: str, value: Any) -> None:
        """Set a value."""
        if name == "seconds":
            raise ValueError("seconds: is measured, not set.")
        self._figures[name] = plain(value)

    def now(self, now: float) -> dict[str, Any]:
        """All metrics, with the current phase measured until `now`."""
        seconds = {name: round(value, 3) for name, value in self._added_up(now).items()}
        return {**self._figures, "seconds": seconds}

    def _added_up(self, now: float) -> dict[str, float]:
        if self._since is None:
            return self._seconds
        name = self.phase or FIRST_PHASE
        return {**self._seconds, name: self._seconds.get(name, 0.0) + now - self._since}


def plain(value: Any) -> Any:
    """`value` as JSON that PostgreSQL can store: decimals as text, NaN and infinities as null, no NUL in text.

    Raises `TypeError` for other types.
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return money_text(value)
        case str():
            return storable(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {storable(str(name)): plain(item) for name, item in value.items()}
        case _:
            raise TypeError(f"{type(value).__name__} cannot be stored as JSON.")
