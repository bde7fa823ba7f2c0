"""Hash of the events that a page is written from.

The canonical form is a JSON array with one object per event, in the order of `events.of_day`, in UTF-8 with sorted keys
and without spaces. An object holds everything that a text is written from: `id`; `start`, the local time with its
offset, to the microsecond; `duration` in seconds; `action`, `scene`, `summary`, `objects`; and `motion`, `brightness`,
`sound` of an event that is not described. Language and tone are not part of it: they change the wording only.

The local time is part of it because pages contain local times: a change of timezone makes a page stale.
"""

import hashlib
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from daybook.lifelog.events.models import Event

MEASURED = ("motion", "brightness", "sound")


def events_hash(events: Sequence[Event], timezone: ZoneInfo) -> str:
    """Return the SHA-256 of `events`, 64 hexadecimal digits."""
    form = orjson.dumps([_canonical(event, timezone) for event in events], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(form).hexdigest()


def _canonical(event: Event, timezone: ZoneInfo) -> dict[str, Any]:
    start = event.start_time
    return {
        "id": str(event.id),
        "start": None if start is None else start.astimezone(timezone).isoformat(timespec="microseconds"),
        "duration": None if event.duration is None else float(event.duration),
        "action": event.action,
        "scene": event.scene,
        "summary": event.summary,
        "objects": list(event.objects or []),
        **({} if event.is_described else {name: (event.facts or {}).get(name) for name in MEASURED}),
    }
