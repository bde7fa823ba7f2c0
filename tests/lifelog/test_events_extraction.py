"""LocalFile becomes events: with times, measured facts and pictures, whoever describes them."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from daybook.lifelog.events import service as events
from daybook.lifelog.events.models import Event
from daybook.lifelog.events.schemas import EventUpdate
from daybook.lifelog.recordings import service as recordings
from daybook.settings import Settings
from support.lifelog.events import lifelog
from support.videos.scenes import DARK, MOVING, STILL, video

BEGAN = datetime(2026, 3, 7, 23, 59, 50, tzinfo=UTC)


@pytest_asyncio.fixture
async def log(database, database_url, tmp_path):
    async with lifelog(database, database_url, Settings(data=tmp_path / "data")) as log:
        yield log


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return video(tmp_path_factory.mktemp("footage") / "video.mp4", STILL, MOVING, DARK)


async def test_a_video_of_three_scenes_becomes_three_events(log, footage):
    recording_id = await log.ingest(footage, "video.mp4", BEGAN)

    (job,) = await log.work()

    assert (job.status, job.error_message) == ("success", None)
    still, moving, dark = await log.events()
    for number, event in enumerate((still, moving, dark)):
        assert event.recording_id == recording_id
        assert event.start_offset == pytest.approx(5 * number, abs=0.3)
        assert event.start_time == BEGAN + timedelta(seconds=event.start_offset)
        assert event.duration == pytest.approx(5, abs=0.5)
        assert (event.origin, event.is_described, event.job_id) == ("extracted", False, job.id)
    assert moving.facts["motion"] > still.facts["motion"]
    assert dark.facts["brightness"] < 0.1
    assert still.facts["brightness"] > 0.5
    assert still.facts["sound"] > -60
    assert job.metrics["events"] == 3
    assert "No model that sees pictures is set" in job.metrics["not_described_because"]


async def test_events_have_pictures_in_the_store_under_their_person(log, footage):
    await log.ingest(footage, "video.mp4")

    await log.work()

    for event in await log.events():
        assert event.thumbnail_s3_key.startswith(f"users/{log.user.id}/recordings/{event.recording_id}/")
        assert (await log.services.store.get(event.thumbnail_s3_key))[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (None, "Video of 5 s: hardly any movement, dark, with sound."),
        ("zh-Hant", "5 秒的影片：幾乎沒有動作，畫面昏暗，有聲音。"),
        ("zh-Hans", "5 秒的影片：几乎没有动作，画面昏暗，有声音。"),
    ],
)
async def test_what_nobody_described_says_so_in_the_persons_language(log, tmp_path, language, words):
    await log.set(language=language)
    await log.ingest(video(tmp_path / "dark.mp4", DARK), "dark.mp4")

    await log.work()

    (event,) = await log.events()
    assert event.summary == words


async def test_a_video_without_sound_is_silent(log, tmp_path):
    await log.ingest(video(tmp_path / "dark.mp4", DARK, sound=False), "dark.mp4")

    await log.work()

    (event,) = await log.events()
    assert event.facts["sound"] is None
    assert event.summary.endswith("silent.")


async def test_finding_events_again_changes_nothing_that_is_the_same(log, footage):
    recording_id = await log.ingest(footage, "video.mp4")
    await log.work()
    before = await log.events()

    (job,) = await again(log, recording_id)

    assert [event.id for event in await log.events()] == [event.id for event in before]
    assert (job.metrics["events"], job.metrics["kept"]) == (3, 3)


async def test_what_a_person_changed_or_made_stays_when_events_are_found_again(log, footage):
    recording_id = await log.ingest(footage, "video.mp4")
    await log.work()
    first, second, third = await log.events()
    async with log.services.database.write() as session:
        await events.update_event(session, log.user, first.id, EventUpdate(summary="My own words."))
        await events.delete_event(session, log.user, third.id)
        for event_id in (first.id, second.id):  # as another version of the analysis found them
            stale = await session.get(Event, event_id)
            stale.facts = {**stale.facts, "end": stale.facts["end"] - 1}
        session.add(Event(user_id=log.user.id, start_time=BEGAN, summary="By hand."))

    await again(log, recording_id)

    found = await log.events()
    assert {event.summary for event in found} >= {"My own words.", "By hand."}
    assert len(found) == 4  # nothing over the person's own, the stale one anew, and the deleted one is back
    assert second.id not in {event.id for event in found}
    assert await log.services.store.size(second.thumbnail_s3_key) is None


async def test_a_video_that_ffmpeg_is_not_done_with_is_told_at_once(log, footage, monkeypatch):
    monkeypatch.setattr(
        "daybook.lifelog.activity.decoding._time_limit", lambda seconds: 0.05 if seconds else 60
    )
    await log.ingest(footage, "video.mp4")

    (job,) = await log.work()

    assert (job.status, job.attempts, job.error_code) == ("failed", 1, "ffmpeg_too_slow")
    assert "longer than such a video takes" in job.error_message


async def test_a_recording_that_is_deleted_meanwhile_leaves_nothing(log, footage):
    recording_id = await log.ingest(footage, "video.mp4")
    job_ids = await log.waiting()
    async with log.services.database.write() as session:
        await recordings.delete(session, log.user.id, recording_id)

    (job,) = await log.work(*job_ids)

    assert job.status == "cancelled"
    assert await log.events() == []


async def test_events_move_along_with_their_recording(log, footage):
    recording_id = await log.ingest(footage, "video.mp4", BEGAN)
    await log.work()

    async with log.services.database.write() as session:
        body = recordings.RecordingUpdate(start_time=BEGAN + timedelta(hours=8))
        await recordings.change(session, log.user, recording_id, body)
    await again(log, recording_id)

    found = await log.events()
    assert len(found) == 3
    for event in found:
        assert event.start_time == BEGAN + timedelta(hours=8, seconds=event.start_offset)


async def test_a_video_over_midnight_has_events_on_both_days(log, footage):
    # In Taipei the video begins at 23:59:50 and its last scene at midnight.
    await log.ingest(footage, "video.mp4", BEGAN.replace(hour=15))
    await log.work()

    async with log.services.database.read() as session:
        before, after = [
            await events.of_day(session, log.user.id, BEGAN.date() + timedelta(days=days), "Asia/Taipei")
            for days in (0, 1)
        ]

    assert (len(before), len(after)) == (2, 1)


async def again(log, recording_id):
    from daybook.lifelog.events.description.service import request_extraction

    async with log.services.database.write() as session:
        job_ids = await request_extraction(session, log.user, recording_id)
    return await log.work(*job_ids)
