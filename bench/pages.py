"""How fast the pages are, as Lighthouse sees them on a desktop: home and the administrator's dashboard.

    make bench-pages                                  # some minutes, on a quiet machine
    .venv/bin/python bench/pages.py --rounds 1        # to see that it works; not to be quoted

A Daybook of its own in a temporary folder has a sample day with its page, more days, a video and thousands of lines in
the ledger. Every visit is that of a browser with nothing in its cache, in which the administrator is signed in.
Lighthouse works out the times for a connection of 10 Mbit/s and 40 ms there and back (its desktop preset); what the
browser in fact took is printed beside. Rounds are interleaved; figures are medians.

It fails where the performance score is below 95, the largest paint comes after one second, or something moves after it
was shown. Lighthouse itself is installed once, into the bench's cache.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from pages_installation import installation
from pages_lighthouse import VERSION, Visit, look_at

PAGES = {"home": "/", "dashboard": "/admin"}
LEAST_SCORE = 95.0
MOST_PAINT = 1000.0
MOST_SHIFT = 0.01
"""Lighthouse rounds what it shows to two places."""


def main() -> int:
    """Visit, print; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reports", type=Path, help="a folder in which Lighthouse's reports stay")
    asked = parser.parse_args()
    if asked.reports:
        asked.reports.mkdir(parents=True, exist_ok=True)
    visits: dict[str, list[Visit]] = {name: [] for name in PAGES}
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder, installation() as place:
        for number in range(asked.rounds):
            for name, path in PAGES.items():
                reports = asked.reports or Path(folder)
                visit = look_at(place.url + path, place.cookie, reports, f"{name}-{number + 1}")
                visits[name].append(visit)
    return _tell(visits)


def _tell(visits: dict[str, list[Visit]]) -> int:
    print(f"Lighthouse {VERSION}, desktop, performance; medians of {len(visits['home'])}; load {_load()}\n")
    print(f"{'page':<12}{'score':>7}{'LCP':>9}{'CLS':>8}{'TBT':>9}{'FCP':>9}{'LCP in fact':>14}")
    failures: list[str] = []
    for name, seen in visits.items():
        score, paint, shift, blocked, first, observed = (
            statistics.median(getattr(visit, figure) for visit in seen)
            for figure in ("score", "largest_paint", "shift", "blocked", "first_paint", "observed")
        )
        print(
            f"{name:<12}{score:7.0f}{paint:6.0f} ms{shift:8.3f}{blocked:6.0f} ms{first:6.0f} ms{observed:11.0f} ms"
        )
        if score < LEAST_SCORE:
            failures.append(f"{name}: the score is {score:.0f}, below {LEAST_SCORE:.0f}")
        if paint > MOST_PAINT:
            failures.append(f"{name}: the largest paint comes after {paint:.0f} ms")
        if shift > MOST_SHIFT:
            failures.append(f"{name}: things move after they were shown ({shift:.3f})")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def _load() -> str:
    """How many programs want to run, on how many processors: with more of them than processors, nothing is quotable."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


if __name__ == "__main__":
    sys.exit(main())
