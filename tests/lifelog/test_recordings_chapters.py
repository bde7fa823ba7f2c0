"""Chapters that a camera cut a video into are one recording, in whatever order they come."""

import asyncio
import itertools
from datetime import datetime, timedelta

import pytest

from daybook.lifelog.recordings import requests
from support.lifelog.recordings import PATH

BEGIN = datetime.fromisoformat("2024-01-31T12:00:00")  # on the camera's clock, which is in Taipei
START = "2024-01-31T04:00:00Z"

LENGTHS = {"GX010123.MP4": 2, "GX020123.MP4": 3, "GX030123.MP4": 1}


def video_of(recordings, name, after=0.0, **options):
    """A chapter that begins so many seconds after the first."""
    at = (BEGIN + timedelta(seconds=after)).isoformat() + "Z"
    options = {"seconds": LENGTHS.get(name, 1), **options}
    return recordings.videos.make(name, "-metadata", f"creation_time={at}", **options)


def gopro(recordings):
    """Three chapters of one video, each with its own time."""
    begins = dict(zip(LENGTHS, (0, 2, 5), strict=True))
    return {name: video_of(recordings, name, begins[name]) for name in LENGTHS}


@pytest.mark.parametrize("order", list(itertools.permutations(LENGTHS)), ids="".join)
async def test_chapters_are_one_recording_in_any_order(recordings, order):
    paths = gopro(recordings)
    for name in order:
        taken = await recordings.take(paths[name])
        # Something was found in each, at its middle.
        place = next(
            file for file in (await recordings.get(taken))["files"] if file["id"] == str(taken.file_id)
        )
        await recordings.add_event(taken, place["starts_at"] + 0.5, summary=name)
    [listed] = await recordings.listed()
    shown = await recordings.get(listed["id"])
    assert [file["name"] for file in shown["files"]] == list(LENGTHS)
    assert [file["position"] for file in shown["files"]] == [1, 2, 3]
    assert [file["starts_at"] for file in shown["files"]] == pytest.approx([0, 2, 5], abs=0.01)
    assert shown["duration"] == pytest.approx(6, abs=0.01)
    assert shown["start_time"] == START
    assert datetime.fromisoformat(shown["end_time"]) - datetime.fromisoformat(START) == timedelta(seconds=6)
    assert shown["size_bytes"] == sum(path.stat().st_size for path in paths.values())
    assert shown["name"] == "GX010123.MP4"
    found = await recordings.events()
    assert [event["summary"] for event in found] == list(LENGTHS)
    assert [event["start_offset"] for event in found] == pytest.approx([0.5, 2.5, 5.5], abs=0.01)
    begin = datetime.fromisoformat(START)
    assert [(event["start_time"] - begin).total_seconds() for event in found] == pytest.approx(
        [0.5, 2.5, 5.5], abs=0.01
    )


async def test_every_chapter_has_work_of_its_own(recordings):
    for path in gopro(recordings).values():
        await recordings.take(path)
    jobs = await recordings.rows("SELECT type, subject, params FROM inference_jobs")
    assert len(jobs) == 6
    assert len({(job["type"], job["subject"]) for job in jobs}) == 6
    [listed] = await recordings.listed()
    assert {job["params"]["recording_id"] for job in jobs} == {listed["id"]}


async def test_chapters_that_come_at_once_are_one_recording(recordings):
    paths = gopro(recordings).values()
    await asyncio.gather(*(recordings.take(path) for path in [*paths, *paths]))
    [listed] = await recordings.listed()
    assert listed["duration"] == pytest.approx(6, abs=0.01)
    assert len((await recordings.get(listed["id"]))["files"]) == 3


async def test_chapters_of_older_cameras_are_one_recording(recordings):
    for name, after in (("GP020123.MP4", 2), ("GOPR0123.MP4", 0), ("GP010123.MP4", 1)):
        await recordings.take(video_of(recordings, name, after))
    [listed] = await recordings.listed()
    shown = await recordings.get(listed["id"])
    assert [file["name"] for file in shown["files"]] == ["GOPR0123.MP4", "GP010123.MP4", "GP020123.MP4"]
    assert shown["name"] == "GOPR0123.MP4"


async def test_cameras_that_write_the_first_chapters_time_into_all(recordings):
    for name in ("GH030123.MP4", "GH010123.MP4", "GH020123.MP4"):
        await recordings.take(
            video_of(recordings, name, 0, seconds={"GH010123.MP4": 1, "GH020123.MP4": 2}.get(name, 3))
        )
    [listed] = await recordings.listed()
    assert (listed["start_time"], listed["duration"]) == (START, pytest.approx(6, abs=0.01))


@pytest.mark.parametrize(
    ("name", "after", "options"),
    [
        ("GX020124.MP4", 2, {}),  # another number
        ("GH020123.MP4", 2, {}),  # another codec's letter
        ("GX020123.MP4", 30 * 86_400, {}),  # the numbers came round again
        ("GX020123.MP4", 2, {"size": "320x180"}),  # another camera
        ("GX020123.MP4", 2, {"fps": 25}),
        ("GX010123.MP4", 2, {}),  # the place is taken
    ],
)
async def test_what_only_looks_like_a_chapter_is_a_recording_of_its_own(recordings, name, after, options):
    await recordings.take(video_of(recordings, "GX010123.MP4"))
    await recordings.take(video_of(recordings, name, after, **{"seconds": 1.5, **options}))
    assert len(await recordings.listed()) == 2


async def test_a_corrected_time_stays_right_when_an_earlier_chapter_comes(recordings):
    paths = gopro(recordings)
    second = await recordings.take(paths["GX020123.MP4"])
    await recordings.add_event(second, 1.0)
    await recordings.api.call(
        "PATCH", f"{PATH}/{second.recording_id}", {"start_time": "2024-05-01T00:00:02Z"}
    )
    first = await recordings.take(paths["GX010123.MP4"])
    assert first.recording_id == second.recording_id
    shown = await recordings.get(first)
    assert (shown["start_time"], shown["time_source"]) == ("2024-05-01T00:00:00Z", "user")
    [event] = await recordings.events()
    assert str(event["start_time"]) == "2024-05-01 00:00:03+00:00"
    assert event["start_offset"] == pytest.approx(3)
    third = await recordings.take(paths["GX030123.MP4"])
    shown = await recordings.get(third)
    assert (shown["start_time"], shown["duration"]) == ("2024-05-01T00:00:00Z", pytest.approx(6, abs=0.01))


async def test_an_event_without_a_place_in_the_video_moves_as_well(recordings):
    paths = gopro(recordings)
    third = await recordings.take(paths["GX030123.MP4"])
    await recordings.add_event(third, 0.5)
    await recordings.rows("UPDATE events SET start_offset = NULL")
    await recordings.take(paths["GX010123.MP4"])
    await recordings.take(paths["GX020123.MP4"])
    [event] = await recordings.events()
    assert event["start_offset"] is None
    assert str(event["start_time"]) == "2024-01-31 04:00:05.500000+00:00"


@pytest.mark.parametrize("order", list(itertools.permutations((7, 8, 9))), ids=str)
async def test_dji_goes_on_where_the_last_number_ended(recordings, order):
    for number in order:
        path = video_of(recordings, f"DJI_000{number}.MP4", (number - 7) * 2, seconds=2)
        taken = await recordings.take(path)
        place = next(
            file for file in (await recordings.get(taken))["files"] if file["id"] == str(taken.file_id)
        )
        await recordings.add_event(taken, place["starts_at"] + 0.5, summary=str(number))
    [listed] = await recordings.listed()
    shown = await recordings.get(listed["id"])
    assert [file["name"] for file in shown["files"]] == ["DJI_0007.MP4", "DJI_0008.MP4", "DJI_0009.MP4"]
    assert (shown["start_time"], shown["duration"]) == (START, pytest.approx(6, abs=0.01))
    found = await recordings.events()
    assert [event["summary"] for event in found] == ["7", "8", "9"]
    assert {str(event["recording_id"]) for event in found} == {listed["id"]}
    assert [event["start_offset"] for event in found] == pytest.approx([0.5, 2.5, 4.5], abs=0.01)


async def test_dji_videos_with_a_pause_between_are_two(recordings):
    await recordings.take(video_of(recordings, "DJI_0007.MP4", 0, seconds=2))
    await recordings.take(video_of(recordings, "DJI_0008.MP4", 60, seconds=2))
    await recordings.take(video_of(recordings, "DJI_0010.MP4", 62, seconds=2))
    assert len(await recordings.listed()) == 3


async def test_dji_with_times_in_its_names(recordings):
    for number, second in ((2, 2), (1, 0)):
        name = f"DJI_2024013112000{second}_000{number}_D.MP4"
        await recordings.take(recordings.videos.make(name, "-metadata", f"comment={number}", seconds=2))
    [listed] = await recordings.listed()
    assert (listed["start_time"], listed["duration"]) == (START, pytest.approx(4, abs=0.01))


async def test_insta360_counts_at_the_end(recordings):
    for number in (1, 0):
        await recordings.take(
            recordings.videos.make(
                f"VID_20240131_120000_00_00{number}.mp4", "-metadata", f"comment={number}", seconds=2
            )
        )
    [listed] = await recordings.listed()
    assert (listed["start_time"], listed["duration"]) == (START, pytest.approx(4, abs=0.01))


async def test_a_chapter_that_fails_leaves_the_others_as_they_were(recordings, monkeypatch):
    paths = gopro(recordings)
    await recordings.take(paths["GX020123.MP4"])
    [before] = await recordings.listed()
    objects = await recordings.objects()

    async def fail(*_, **__):
        raise RuntimeError

    monkeypatch.setattr(requests.jobs, "enqueue", fail)
    with pytest.raises(RuntimeError):
        await recordings.take(paths["GX010123.MP4"])
    [after] = await recordings.listed()
    assert {**after, "thumbnail_url": None} == {**before, "thumbnail_url": None}
    assert await recordings.objects() == objects
