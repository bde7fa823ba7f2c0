"""The sample day as somebody with a camera has it: its moments filmed, and described in the sample's words."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import httpx2

from support.browser.seed_data import ok, until_processed
from support.lifelog.tus import Tus
from support.videos.drawn import SAMPLE_DAY, Scene, bicycle, dike, river, video

_EARLIER: tuple[tuple[int, str, Scene], ...] = (
    (2, "173506", dike),
    (3, "071122", river),
    (5, "150741", bicycle),
)
"""What was filmed on days before: so many days ago, when, and what."""

_WORDS = ("summary", "action", "scene", "objects")
_PLACES = (
    "Pacific/Auckland", "Asia/Tokyo", "Asia/Taipei", "Asia/Kolkata", "Asia/Dubai", "Europe/Athens", "Europe/Paris",
    "Atlantic/Azores", "America/Sao_Paulo", "America/New_York", "America/Denver", "Pacific/Honolulu",
)  # fmt: skip


def evening_zone() -> str:
    """A place where it is evening, or not far from it, so that most of the day is over."""
    known = available_timezones()
    hours = {place: datetime.now(ZoneInfo(place)).hour for place in _PLACES if place in known}
    return max((hour, place) for place, hour in hours.items() if hour < 23)[1]


async def bring_videos(client: httpx2.AsyncClient, today: date) -> None:
    """Bring videos of the sample day, which is made already, with its words, and some of days before."""
    brought = {
        at: await _bring(client, today, f"{at.replace(':', '')}08", scene) for at, scene in SAMPLE_DAY.items()
    }
    for number, (days, stamp, scene) in enumerate(_EARLIER, 1):
        await _bring(client, today - timedelta(days=days), stamp, scene, start=25.0 * number)
    samples = await _events(client, day=str(today))
    zone = ZoneInfo((await ok(client.get("/api/v1/me")))["timezone"])
    for at, recording in brought.items():
        await until_processed(client, recording)
        [sample] = [
            event
            for event in samples
            if not event["recording_id"]
            and f"{datetime.fromisoformat(event['start_time']).astimezone(zone):%H:%M}" == at
        ]
        [filmed] = await _events(client, recording_id=recording)
        await ok(client.patch(f"/api/v1/events/{filmed['id']}", json={name: sample[name] for name in _WORDS}))
        await ok(client.delete(f"/api/v1/events/{sample['id']}"))


async def _bring(
    client: httpx2.AsyncClient, day: date, stamp: str, scene: Scene, *, start: float = 0.0
) -> str:
    content = await asyncio.to_thread(video, scene, start=start)
    uploaded = await Tus(client).upload(content, filename=f"VID_{day:%Y%m%d}_{stamp}.mp4")
    return uploaded.headers["x-daybook-recording"]


async def _events(client: httpx2.AsyncClient, **wanted: str) -> list[dict[str, Any]]:
    return (await ok(client.get("/api/v1/events", params={**wanted, "page_size": "200"})))["list"]
