"""Times in the file names of cameras, phones and programs."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class NamedTime:
    """A video's start time from its file name. Exactly one field is set."""

    local: datetime | None = None
    """On the clock of the camera."""
    exact: datetime | None = None
    """Aware: the name's maker writes UTC."""
    day: date | None = None
    """Only the day, on the clock of the camera."""


_UTC_NAMES = re.compile(r"^(PXL_|GMT)(?=\d{8})")
"""Google's Pixel and Zoom write UTC: the first `PXL_20240131_123456789`, the second `GMT20240131-123456`."""

_EPOCH_NAMES = re.compile(r"^RPReplay_Final(\d{10})(?!\d)")
"""Older iPhones' screen recordings: seconds since 1970."""

_AMERICAN = re.compile(
    r"ScreenRecording_(?P<month>\d\d)-(?P<day>\d\d)-(?P<year>\d{4}) "
    r"(?P<hour>\d\d)-(?P<minute>\d\d)-(?P<second>\d\d)"
)
"""iPhones' screen recordings since iOS 17: month first."""

_GENERAL = re.compile(
    r"(?<!\d)(?P<year>19[89]\d|20\d\d)[-_.]?(?P<month>\d\d)[-_.]?(?P<day>\d\d)"
    r"(?:[-_. T]|\s+at\s+|_at_)?\s?"
    r"(?P<hour>\d{1,2})[-_.:h]?(?P<minute>\d\d)[-_.:m]?(?P<second>\d\d)"
    r"(?P<fraction>\d{3})?(?P<half>\s?[AaPp]\.?[Mm])?(?P<utc>Z(?![A-Za-z]))?(?!\d)"
)
"""`VID_20240131_123456`, `20240131_123456`, `DJI_20240131123456_0001_D`, `2024-01-31 12.34.56`,
`Screen Recording 2024-01-31 at 1.34.56 PM`, `WIN_20240131_12_34_56_Pro`, `2024_0131_123456_001` and their kin.
"""

_DAY_ONLY = re.compile(r"(?<!\d)(?P<year>20\d\d)-?(?P<month>\d\d)-?(?P<day>\d\d)(?=-WA\d|(?!\d))")
"""WhatsApp's `VID-20240131-WA0001`, and whatever else has a day and no time."""

_NOON = 12


def time_in_name(name: str) -> NamedTime | None:
    """Parse the time in a file name; None if it has none (`MVI_1234`, `IMG_E1234`, GoPro's)."""
    name = name.replace("\u202f", " ").replace("\u00a0", " ")  # before AM and PM on Apple's systems
    if found := _EPOCH_NAMES.search(name):
        return NamedTime(exact=datetime.fromtimestamp(int(found[1]), UTC))
    for pattern in (_AMERICAN, _GENERAL):
        for found in pattern.finditer(name):
            moment = _moment(found)
            if moment is None:
                continue
            if _UTC_NAMES.search(name) or found.groupdict().get("utc"):
                return NamedTime(exact=moment.replace(tzinfo=UTC))
            return NamedTime(local=moment)
    for found in _DAY_ONLY.finditer(name):
        try:
            return NamedTime(day=date(int(found["year"]), int(found["month"]), int(found["day"])))
        except ValueError:
            continue
    return None


def _moment(found: "re.Match[str]") -> datetime | None:
    """Return the time of a match; None if its numbers are out of range."""
    parts = found.groupdict()
    hour = int(parts["hour"])
    half = (parts.get("half") or "").strip().lower()
    if half:
        hour = hour % _NOON + (_NOON if half.startswith("p") else 0)
    try:
        moment = datetime(  # noqa: DTZ001  (a clock's time, whose zone the name does not tell)
            int(parts["year"]),
            int(parts["month"]),
            int(parts["day"]),
            hour,
            int(parts["minute"]),
            int(parts["second"]),
        )
    except ValueError:
        return None
    return moment + timedelta(milliseconds=int(parts.get("fraction") or 0))
