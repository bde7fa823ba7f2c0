"""The figures of a job: seconds of each phase, over all its attempts, and whatever its work adds."""

import math
from decimal import Decimal
from typing import Any

from daybook.kit.money import money_text
from daybook.kit.text import storable

FIRST_PHASE = "starting"
"""Until the work names one."""


class Metrics:
    """Figures as they grow. Times are those of a monotonic clock, in seconds."""

    def __init__(self, earlier: dict[str, Any]) -> None:
        self._figures = {name: value for name, value in earlier.items() if name != "seconds"}
        self._seconds: dict[str, float] = dict(earlier.get("seconds") or {})
        self.phase: str | None = None
        self._since: float | None = None

    def begin(self, now: float) -> None:
        """The work begins."""
        self._since = now

    def enter(self, phase: str, now: float) -> None:
        """The work is at `phase` from now on."""
        if phase != self.phase:
            self._seconds = self._added_up(now)
            self.phase, self._since = storable(phase), now

    def set(self, name: str, value: Any) -> None:
        """Set a figure."""
        if name == "seconds":
            raise ValueError("The seconds of each phase are kept by themselves.")
        self._figures[name] = plain(value)

    def now(self, now: float) -> dict[str, Any]:
        """All of them, with the time of the present phase until now."""
        seconds = {name: round(value, 3) for name, value in self._added_up(now).items()}
        return {**self._figures, "seconds": seconds}

    def _added_up(self, now: float) -> dict[str, float]:
        if self._since is None:
            return self._seconds
        name = self.phase or FIRST_PHASE
        return {**self._seconds, name: self._seconds.get(name, 0.0) + now - self._since}


def plain(value: Any) -> Any:
    """`value` as PostgreSQL keeps it in JSON: exact amounts as text, no number that is none, no NUL in text.

    Raises `TypeError` for what JSON cannot say.
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
            raise TypeError(f"{type(value).__name__} is nothing that JSON can say.")
