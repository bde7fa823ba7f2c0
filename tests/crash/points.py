"""Where processes are killed: every named step on the way of a call, and who comes by there."""

import random
import re

from crash.crew import TESTS, TORN, UNDER

SOURCE = TESTS.parent / "src" / "daybook"
PARTS = ("gateway", "ledger")
"""Where calls pass. What jobs, uploads and the like are killed at is for their own tests."""

ROLES = {
    "journal": "serve",
    "journal.delete": "ship",
    "idempotency": "serve",
    "budget": "serve",
    "budget.settle": "ship",
    "ledger": "ship",
    "shipper": "ship",
}
"""Who comes by the failpoints whose names begin so."""

ELSEWHERE = {"outbox": "test_outbox_kill.py", "internal": "test_internal_calls_killed.py"}
"""Points of these parts that other tests kill at."""

OFTEN = {"journal.closed.before": 3, TORN: 2}
"""Points at which more than one has to die, for it matters in the middle of what."""

AT_STOP = {"budget.give_back.before", "budget.give_back.after"}
"""Points that a process passes at the latest when it is asked to stop: so it is."""


def failpoints() -> dict[str, list[str]]:
    """Every named step of these parts, by the role that comes by there. Raises where nobody is known to."""
    points: dict[str, list[str]] = {
        "serve": [TORN, UNDER + "budget.lease.before", UNDER + "idempotency.keep.before"],
        "ship": [UNDER + "ledger.copy.between", UNDER + "ledger.commit.before"],
        "work": [],
    }
    for path in (path for part in PARTS for path in (SOURCE / part).rglob("*.py")):
        for name in re.findall(r'failpoints\.point\("([^"]+)"\)', path.read_text()):
            first, second, *_ = name.split(".")
            if first not in ELSEWHERE:
                points[ROLES.get(f"{first}.{second}") or ROLES[first]].append(name)
    return points


def count(rng: random.Random, point: str) -> int:
    """How often one may come by before it dies: journals are written much more often than leases are taken."""
    if point in AT_STOP:
        return 1
    often = point.startswith(("journal.opened", "journal.closed", "journal.sync", TORN))
    return rng.randint(2, 20) if often else rng.randint(1, 3)
