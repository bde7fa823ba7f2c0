"""Interpretation of the times that cameras write.

MP4 and QuickTime require `creation_time` in UTC (ISO/IEC 14496-12, 8.2.2). Phones comply. Most cameras know no timezone
and write their clock's local time as if it were UTC.
"""

import re
from typing import Literal

from daybook.lifelog.media.schemas import Video

ClockKind = Literal["utc", "local"]

_LOCAL = re.compile(
    r"gopro|\bdji\b|dji[._ ]|\bcanon\b|\bnikon\b|panasonic|lumix|fujifilm|olympus|om digital|insta360|arashi vision|"
    r"\bricoh\b|pentax|\bcasio\b|\bkodak\b|akaso|\bsjcam\b|70mai|viofo|novatek|ambarella",
    re.IGNORECASE,
)
"""Makers whose cameras write their clock's local time as if it were UTC."""

_LOCAL_BRANDS = {"caep", "niko", "pana", "kddi"}
"""Canon, Nikon, Panasonic, as they call their kinds of MP4."""

_LOCAL_FIRMWARE = re.compile(r"^(HD\d+|H2\d|HX)\.")
"""GoPro's: `HD9.01.01.60.00`, `H22.01.01.10.00`."""

_LOCAL_NAMES = re.compile(r"^(G[HXLOP]\d|GOPR\d|DJI_|MVI_\d|DSCN?_?\d|P\d{7}\.)", re.IGNORECASE)

_UTC_TAGS = ("com.apple.quicktime.make", "com.android.version", "com.android.manufacturer")

_TELLING_TAGS = ("make", "model", "com.apple.quicktime.make", "handler_name", "encoder", "software", "artist")


def camera_clock_of(video: Video, name: str) -> ClockKind:
    """Return how the camera of `video` means `creation_time`, by tags, brand and file name."""
    tags = video.tags
    told = " ".join(tags[tag] for tag in _TELLING_TAGS if tag in tags)
    if _LOCAL.search(told) or _LOCAL_FIRMWARE.match(tags.get("firmware", "")):
        return "local"
    brands = {video.brand or "", *re.findall("....", tags.get("compatible_brands", ""))}
    if {brand.strip().lower() for brand in brands} & _LOCAL_BRANDS:
        return "local"
    if any(tag in tags for tag in _UTC_TAGS):
        return "utc"
    return "local" if _LOCAL_NAMES.match(name) else "utc"
