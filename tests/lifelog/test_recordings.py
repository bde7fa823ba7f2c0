"""Videos become recordings: once each, whole or not at all, with their time; their owner sees and corrects them."""

import asyncio
import hashlib
from datetime import UTC, datetime

import pytest

from daybook.lifelog.recordings import ingest, requests
from daybook.lifelog.recordings.errors import Refused
from support.lifelog.recordings import PATH
from support.videos.made import footage, needs_footage

NOON = "2024-01-31T04:00:00Z"  # in Taipei


async def everything(recordings):
    """How much of anything there is."""
    counted = {
        table: (await recordings.rows(f"SELECT count(*) FROM {table}"))[0]["count"]
        for table in ("recordings", "recording_files", "inference_jobs", "events")
    }
    return counted, await recordings.objects()


NOTHING = ({"recordings": 0, "recording_files": 0, "inference_jobs": 0, "events": 0}, [])


async def test_a_video_becomes_a_recording(recordings):
    taken = await recordings.bring("holiday.mp4", "-c:a", "aac", at=NOON, seconds=2, sound=True)
    assert taken.is_new
    shown = await recordings.get(taken)
    assert shown["name"] == "holiday.mp4"
    assert (shown["start_time"], shown["time_source"]) == ("2024-01-31T04:00:00Z", "container")
    assert datetime.fromisoformat(shown["end_time"]).timestamp() - datetime.fromisoformat(
        NOON
    ).timestamp() == (pytest.approx(2, abs=0.1))
    assert (shown["width"], shown["height"], shown["rotation"], shown["has_sound"]) == (160, 90, 0, True)
    assert not shown["is_processed"]
    [file] = shown["files"]
    assert file["starts_at"] == 0
    assert file["processing"]["status"] == file["extraction"]["status"] == "pending"
    original = await recordings.api.browser.get(file["original_url"])
    assert hashlib.sha256(original.content).hexdigest() == file["sha256"]
    assert original.headers["content-type"] == "video/mp4"


async def test_its_work_is_enqueued_with_it(recordings):
    taken = await recordings.bring("a.mp4")
    jobs = await recordings.rows(
        "SELECT type, user_id, input_type, params, subject FROM inference_jobs ORDER BY type"
    )
    assert [job["type"] for job in jobs] == ["event_extraction", "recording_processing"]
    for job in jobs:
        assert job["user_id"] == recordings.user_id
        assert job["subject"] == f"file:{taken.file_id}"
        assert job["params"] == {
            "recording_id": str(taken.recording_id),
            "file_id": str(taken.file_id),
            "name": "a.mp4",
        }


async def test_a_file_is_taken_in_once(recordings):
    path = recordings.videos.make("a.mp4")
    first = await recordings.take(path)
    before = await everything(recordings)
    again = await recordings.take(path, "another name.mp4")
    assert (again.recording_id, again.file_id, again.is_new) == (first.recording_id, first.file_id, False)
    assert await everything(recordings) == before


async def test_a_file_that_comes_many_times_at_once_is_taken_in_once(recordings):
    path = recordings.videos.make("a.mp4")
    taken = await asyncio.gather(*(recordings.take(path) for _ in range(5)))
    assert len({one.recording_id for one in taken}) == 1
    assert [one.is_new for one in taken].count(True) == 1
    counted, objects = await everything(recordings)
    assert counted == {"recordings": 1, "recording_files": 1, "inference_jobs": 2, "events": 0}
    assert len(objects) == 1


async def test_two_people_may_have_the_same_file(recordings, browsers, admin):
    path = recordings.videos.make("a.mp4")
    await recordings.take(path)
    answer = await admin.post("/api/v1/admin/users", json={"account": "ben", "password": "correct horse"})
    ben = answer.json()["id"]
    taken = await ingest.ingest(recordings.services, ben, path, "a.mp4")
    assert taken.is_new


@pytest.mark.parametrize("content", [b"", b"Dear diary\n", b"\x00\x00\x00\x18ftypisom", bytes(5000)])
async def test_what_is_refused_leaves_nothing(recordings, content):
    path = recordings.videos.write("video.mp4", content)
    with pytest.raises(Refused) as caught:
        await recordings.take(path)
    assert caught.value.message
    assert await everything(recordings) == NOTHING
    assert await recordings.rows("SELECT * FROM outbox_events") == []
    assert path.read_bytes() == content


async def test_a_transaction_that_fails_leaves_nothing(recordings, monkeypatch):
    async def fail(*_, **__):
        raise RuntimeError("the queue is broken")

    monkeypatch.setattr(requests.jobs, "enqueue", fail)
    with pytest.raises(RuntimeError):
        await recordings.bring("a.mp4")
    assert await everything(recordings) == NOTHING


async def test_a_store_that_fails_leaves_nothing(recordings, monkeypatch):
    async def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(type(recordings.services.store), "put_file", fail)
    with pytest.raises(OSError, match="disk full"):
        await recordings.bring("a.mp4")
    assert await everything(recordings) == NOTHING


async def test_being_cancelled_leaves_nothing(recordings, monkeypatch):
    reached = asyncio.Event()

    async def wait(*_, **__):
        reached.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(ingest, "_place", wait)
    task = asyncio.create_task(recordings.bring("a.mp4"))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await everything(recordings) == NOTHING


async def test_a_name_cannot_lead_out_of_the_store_or_pretend_a_type(recordings):
    path = recordings.videos.make("a.mp4")
    taken = await recordings.take(path, "..\\..\\etc/pass\x00wd/evil<script>.html")
    shown = await recordings.get(taken)
    assert shown["name"] == "evil<script>.html"
    [key] = await recordings.objects()
    assert key.endswith(f"{taken.file_id}.mp4")
    long = await recordings.take(recordings.videos.make("b.mp4", seconds=0.5), "影" * 500 + ".mp4")
    assert len((await recordings.get(long))["name"]) <= 255


@needs_footage
@pytest.mark.parametrize(
    ("start", "when", "source"),
    [
        ("fire2", "2017-01-05T18:32:43Z", "container"),
        ("world", "2015-08-07T09:13:02Z", "container"),
        ("synthetic", "2020-05-16T22:31:32Z", "container"),
        ("edge_box", "2014-06-09T15:54:39Z", "container"),
        ("vtest", "2020-01-02T03:02:44.500000Z", "file_time"),
        ("edge_no_duration", "2020-01-02T03:03:59.062000Z", "file_time"),
    ],
)
async def test_real_clips_become_recordings(recordings, start, when, source):
    modified = datetime(2020, 1, 2, 3, 4, 4, tzinfo=UTC)
    taken = await recordings.take(footage(start), file_time=modified)
    shown = await recordings.get(taken)
    assert (shown["start_time"], shown["time_source"]) == (when, source)
    assert shown["size_bytes"] == footage(start).stat().st_size


# Looking


async def test_recordings_are_listed_by_local_days(recordings):
    before = await recordings.bring("a.mp4", at="2024-01-30T15:59:50Z", seconds=5)
    over = await recordings.bring("b.mp4", at="2024-01-30T15:59:58Z", seconds=5)
    after = await recordings.bring("c.mp4", at="2024-01-30T16:00:00Z")
    late = await recordings.bring("d.mp4", at="2024-01-31T15:59:59Z", seconds=0.5)
    next_day = await recordings.bring("e.mp4", at="2024-01-31T16:00:00Z")

    async def names(**query):
        return [row["name"] for row in await recordings.listed(**query)]

    assert await names(day="2024-01-30") == ["b.mp4", "a.mp4"]
    assert await names(day="2024-01-31") == ["d.mp4", "c.mp4", "b.mp4"]
    assert await names(day="2024-01-31", order="oldest") == ["b.mp4", "c.mp4", "d.mp4"]
    assert await names(start_date="2024-01-31", end_date="2024-02-01") == ["e.mp4", "d.mp4", "c.mp4", "b.mp4"]
    assert await names(start_date="2024-02-01") == ["e.mp4"]
    assert await names(end_date="2024-01-30") == ["b.mp4", "a.mp4"]
    assert await names(day="2024-02-02") == []
    assert await names(page=2, page_size=2) == ["c.mp4", "b.mp4"]
    page = await recordings.api.get(PATH, page_size=2)
    assert (page["total"], page["has_more"], len(page["list"])) == (5, True, 2)
    assert len({before, over, after, late, next_day}) == 5
    await recordings.api.call("PATCH", "/api/v1/me", {"timezone": "UTC"})
    assert await names(day="2024-01-30") == ["c.mp4", "b.mp4", "a.mp4"]


async def test_anothers_recordings_are_not_there(recordings, browsers, admin):
    taken = await recordings.bring("a.mp4")
    await admin.post("/api/v1/admin/users", json={"account": "ben", "password": "correct horse"})
    ben = await browsers.sign_in("ben", "correct horse")
    path = f"{PATH}/{taken.recording_id}"
    for browser in (ben, admin):
        assert (await browser.get(path)).status_code == 404
        assert (await browser.patch(path, json={"name": "mine"})).status_code == 404
        assert (await browser.delete(path)).status_code == 404
        shifted = await browser.post(
            f"{PATH}/time-shifts", json={"recording_ids": [str(taken.recording_id)], "seconds": 5}
        )
        assert shifted.status_code == 404
        assert (await browser.get(PATH)).json()["list"] == []
    assert (await recordings.get(taken))["name"] == "a.mp4"
    visitor = await browsers.open()
    assert (await visitor.get(path)).status_code == 401


# Correcting


async def test_events_move_with_their_recording(recordings):
    taken = await recordings.bring("a.mp4", at=NOON, seconds=5)
    other = await recordings.bring("b.mp4", at=NOON)
    await recordings.add_event(taken, 1.0)
    await recordings.add_event(taken, 3.5, edited_at=datetime(2026, 1, 1, tzinfo=UTC), summary="mine")
    await recordings.add_event(other, 0.5)
    path = f"{PATH}/{taken.recording_id}"
    status, shown = await recordings.api.call("PATCH", path, {"start_time": "2024-03-01T12:00:00+01:00"})
    assert status == 200
    assert (shown["start_time"], shown["time_source"]) == ("2024-03-01T11:00:00Z", "user")
    assert shown["end_time"] == "2024-03-01T11:00:05Z"
    assert [str(event["start_time"]) for event in await recordings.events()] == [
        "2024-01-31 04:00:00.500000+00:00",
        "2024-03-01 11:00:01+00:00",
        "2024-03-01 11:00:03.500000+00:00",
    ]


async def test_a_time_without_offset_is_local(recordings):
    taken = await recordings.bring("a.mp4", at=NOON)
    path = f"{PATH}/{taken.recording_id}"
    _, shown = await recordings.api.call("PATCH", path, {"start_time": "2024-03-01T00:00:00"})
    assert (shown["start_time"], shown["timezone"]) == ("2024-02-29T16:00:00Z", "Asia/Taipei")
    _, shown = await recordings.api.call(
        "PATCH", path, {"start_time": "2024-10-27T02:30:00", "timezone": "Europe/Berlin"}
    )
    assert (shown["start_time"], shown["timezone"]) == ("2024-10-27T00:30:00Z", "Europe/Berlin")


async def test_a_traveller_says_where_the_camera_was(recordings):
    taken = await recordings.bring("GX010123.MP4", at="2024-07-01T20:00:00Z")
    await recordings.add_event(taken, 0.5)
    shown = await recordings.get(taken)
    assert (shown["start_time"], shown["timezone"]) == ("2024-07-01T12:00:00Z", "Asia/Taipei")
    assert shown["written_time"] == "2024-07-01T20:00:00"
    path = f"{PATH}/{taken.recording_id}"
    status, shown = await recordings.api.call("PATCH", path, {"timezone": "America/New_York"})
    assert status == 200
    assert (shown["start_time"], shown["timezone"]) == ("2024-07-02T00:00:00Z", "America/New_York")
    assert shown["time_source"] == "container"
    [event] = await recordings.events()
    assert str(event["start_time"]) == "2024-07-02 00:00:00.500000+00:00"
    said = await recordings.take(
        recordings.videos.make("GX010124.MP4", "-metadata", "creation_time=2024-07-01T20:00:00Z"),
        timezone="Europe/Paris",
    )
    assert (await recordings.get(said))["start_time"] == "2024-07-01T18:00:00Z"


async def test_changing_ones_own_timezone_later_moves_nothing(recordings):
    taken = await recordings.bring("VID_20240131_120000.mp4")
    await recordings.api.call("PATCH", "/api/v1/me", {"timezone": "Europe/Paris"})
    assert (await recordings.get(taken))["start_time"] == "2024-01-31T04:00:00Z"


async def test_a_cameras_wrong_clock_is_corrected_for_many_at_once(recordings):
    first = await recordings.bring("GX010001.MP4", at="2015-01-01T00:05:00Z")
    second = await recordings.bring("GX010002.MP4", at="2015-01-01T01:05:00Z")
    await recordings.add_event(second, 0.25)
    ids = [str(first.recording_id), str(second.recording_id)]
    seconds = (datetime(2024, 5, 1) - datetime(2015, 1, 1)).total_seconds()  # noqa: DTZ001  (a camera's clock)
    status, answer = await recordings.api.call(
        "POST", f"{PATH}/time-shifts", {"recording_ids": [*ids, ids[0]], "seconds": seconds}
    )
    assert (status, answer) == (200, {"moved": 2})
    shown = [await recordings.get(one) for one in ids]
    assert [one["start_time"] for one in shown] == ["2024-04-30T16:05:00Z", "2024-04-30T17:05:00Z"]
    assert [one["written_time"] for one in shown] == ["2024-05-01T00:05:00", "2024-05-01T01:05:00"]
    [event] = await recordings.events()
    assert str(event["start_time"]) == "2024-04-30 17:05:00.250000+00:00"
    status, answer = await recordings.api.call(
        "POST", f"{PATH}/time-shifts", {"recording_ids": ids, "timezone": "Europe/Berlin"}
    )
    assert (status, answer["moved"]) == (200, 2)
    assert (await recordings.get(ids[0]))["start_time"] == "2024-04-30T22:05:00Z"


async def test_a_shift_is_for_all_or_none(recordings):
    taken = await recordings.bring("a.mp4", at=NOON)
    unknown = "0192d4e0-7b1a-7000-8000-000000000000"
    status, answer = await recordings.api.call(
        "POST", f"{PATH}/time-shifts", {"recording_ids": [str(taken.recording_id), unknown], "seconds": 60}
    )
    assert (status, answer["error"]["code"]) == (404, "no_such_recording")
    assert (await recordings.get(taken))["start_time"] == NOON


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"start_time": "1904-01-01T00:00:00Z"}, "impossible_time"),
        ({"start_time": "2224-01-01T00:00:00Z"}, "impossible_time"),
        ({"start_time": "0001-01-01T00:00:00"}, "impossible_time"),
        ({"start_time": "9999-12-31T23:59:59-12:00"}, "impossible_time"),
        ({"start_time": "soon"}, "invalid_request"),
        ({"timezone": "Mars/Olympus"}, "unknown_timezone"),
        ({"start_time": "2024-01-01T00:00:00Z", "timezone": "Asia/Tokyo"}, "two_timezones"),
        ({"name": ""}, "invalid_request"),
        ({"name": "x" * 256}, "invalid_request"),
        ({"duration": 5}, "invalid_request"),
    ],
)
async def test_what_cannot_be_is_refused_with_words(recordings, change, code):
    taken = await recordings.bring("a.mp4", at=NOON)
    status, answer = await recordings.api.call("PATCH", f"{PATH}/{taken.recording_id}", change)
    assert 400 <= status < 500
    assert answer["error"]["code"] == code
    assert (await recordings.get(taken))["start_time"] == NOON


@pytest.mark.parametrize(
    "body",
    [
        {"seconds": 1e300},
        {"seconds": -3e9},
        {"seconds": 3e9},
        {},
        {"seconds": 1, "timezone": "UTC"},
        {"timezone": "nowhere"},
    ],
)
async def test_shifts_that_cannot_be_are_refused(recordings, body):
    taken = await recordings.bring("a.mp4", at=NOON)
    status, _ = await recordings.api.call(
        "POST", f"{PATH}/time-shifts", {"recording_ids": [str(taken.recording_id)], **body}
    )
    assert status in {400, 422}
    assert (await recordings.get(taken))["start_time"] == NOON


async def test_a_recording_without_a_cameras_clock_has_none_to_read_elsewhere(recordings):
    taken = await recordings.bring("a.mp4")
    shown = await recordings.get(taken)
    assert shown["time_source"] == "upload"
    status, answer = await recordings.api.call(
        "PATCH", f"{PATH}/{taken.recording_id}", {"timezone": "Asia/Tokyo"}
    )
    assert (status, answer["error"]["code"]) == (400, "no_clock")
    assert "start_time" in answer["error"]["message"]


async def test_a_recording_can_be_called_otherwise(recordings):
    taken = await recordings.bring("a.mp4")
    _, shown = await recordings.api.call("PATCH", f"{PATH}/{taken.recording_id}", {"name": " 海邊 "})
    assert shown["name"] == "海邊"


async def test_addresses_that_are_none_are_no_fault_of_ours(recordings):
    for path in (f"{PATH}/abc", f"{PATH}/0192d4e0-7b1a-7000-8000-000000000000"):
        status, _ = await recordings.api.call("GET", path)
        assert status in {404, 422}
    for query in (
        {"day": "yesterday"},
        {"day": "2024-01-01", "end_date": "2024-01-02"},
        {"page": 0},
        {"order": "up"},
    ):
        status, _ = await recordings.api.call("GET", PATH, **query)
        assert status in {400, 422}
    status, _ = await recordings.api.call("GET", PATH, day="9999-12-31")
    assert status in {200, 400}
