"""Which files are chapters of one recording, by the names that cameras give them.

GoPro cuts at 4 GB (newer ones at 12 GB) and counts the chapters: `GH010123`, `GH020123`, … since the Hero6,
`GOPR0123`, `GP010123`, … before. DJI cuts as well and simply takes the next number, `DJI_0007`, `DJI_0008`; only their
times tell that one goes on where the other ends. Insta360 counts at the end: `VID_20240131_123456_00_001`.
"""

import re
from dataclasses import dataclass

_GOPRO = re.compile(r"^G(?P<kind>[HXP])(?P<chapter>\d{2})(?P<number>\d{4})(?=\.)", re.IGNORECASE)
_OLD_GOPRO_FIRST = re.compile(r"^GOPR(?P<number>\d{4})(?=\.)", re.IGNORECASE)
_INSTA360 = re.compile(
    r"^(?P<video>(?:VID|PRO_VID)_\d{8}_\d{6}_\d{2})_(?P<chapter>\d{3})(?=\.)", re.IGNORECASE
)
_DJI = re.compile(r"^DJI_(?:\d{14}_)?(?P<number>\d{4})(?P<lens>_[A-Z])?(?=\.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter's place, from its file name."""

    key: str
    """Shared by all chapters of one recording, and by other recordings with a repeated number."""
    position: int
    follows_at_once: bool = False
    """True if numbers only give the order of files: a chapter begins within seconds of the end of the one before."""


def chapter_of(name: str) -> Chapter | None:
    """Parse a file name; None if no camera that cuts chapters uses such names."""
    if found := _OLD_GOPRO_FIRST.match(name):
        return Chapter(f"gopro:P{found['number']}", 0)
    if found := _GOPRO.match(name):
        return Chapter(f"gopro:{found['kind'].upper()}{found['number']}", int(found["chapter"]))
    if found := _INSTA360.match(name):
        return Chapter(f"insta360:{found['video'].upper()}", int(found["chapter"]))
    if found := _DJI.match(name):
        return Chapter(f"dji:{(found['lens'] or '').upper()}", int(found["number"]), follows_at_once=True)
    return None
