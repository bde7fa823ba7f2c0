"""Deleting takes everything along that is only the recording's; whoever is killed, nothing is left or lost."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daybook.lifelog.recordings import keys, removal, service
from support.lifelog.recordings import PATH

FAULTS = [
    "recordings.announce.after",
    "recordings.store.after",
    "recordings.claim.after",
    "recordings.commit.after",
]

TAKE_IN = """
import asyncio, sys
from pathlib import Path
import daybook.tables
from daybook.db.engine import Database
from daybook.lifelog.recordings.service import ingest
from daybook.lifelog.context import Services
from daybook.settings import Settings
from daybook.storage.service import open_store

async def main(url, data, user, path):
    settings = Settings(data=Path(data))
    database = Database.connect(url, pool=2)
    services = Services(database=database, store=open_store(settings), settings=settings)
    await ingest(services, int(user), Path(path), "GX020123.MP4")
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def make_old(recordings):
    """Let a quarter of an hour pass for what waits in the outbox."""
    await recordings.rows(
        "UPDATE outbox_events SET created_at = created_at - interval '15 minutes', next_attempt_at = now()"
    )


async def delete(recordings, taken):
    status, _ = await recordings.api.call("DELETE", f"{PATH}/{taken.recording_id}")
    assert status == 204


async def test_a_deleted_recording_is_gone_with_its_files(recordings):
    taken = await recordings.bring("a.mp4")
    kept = await recordings.bring("b.mp4", seconds=0.5)
    await recordings.services.store.put(keys.thumbnail_key((await recordings.objects())[0]), b"picture")
    await recordings.deliver()
    await delete(recordings, taken)
    assert [row["name"] for row in await recordings.listed()] == ["b.mp4"]
    status, _ = await recordings.api.call("GET", f"{PATH}/{taken.recording_id}")
    assert status == 404
    status, _ = await recordings.api.call("DELETE", f"{PATH}/{taken.recording_id}")
    assert status == 404
    await recordings.deliver()
    [left] = await recordings.objects()
    assert str(kept.file_id) in left
    await make_old(recordings)
    await recordings.deliver()
    assert await recordings.rows("SELECT * FROM outbox_events WHERE status <> 'consumed'") == []


async def test_what_a_person_said_stays_without_the_recording(recordings):
    taken = await recordings.bring("a.mp4", seconds=2)
    await recordings.add_event(
        taken, 0.1, summary="found", thumbnail_s3_key=f"users/{recordings.user_id}/x/e.jpg"
    )
    await recordings.add_event(taken, 0.5, summary="corrected", edited_at=datetime.now(UTC))
    await recordings.add_event(taken, 0.9, summary="by hand", origin="manual", is_described=True)
    other = await recordings.bring("b.mp4")
    await recordings.add_event(other, 0.1, summary="another's")
    await recordings.services.store.put(f"users/{recordings.user_id}/x/e.jpg", b"picture")
    before = {event["summary"]: event["start_time"] for event in await recordings.events()}
    await delete(recordings, taken)
    left = {event["summary"]: event for event in await recordings.events()}
    assert set(left) == {"corrected", "by hand", "another's"}
    for summary in ("corrected", "by hand"):
        assert left[summary]["recording_id"] is None
        assert left[summary]["start_offset"] is None
        assert left[summary]["start_time"] == before[summary]
    assert left["another's"]["recording_id"] == other.recording_id
    await recordings.deliver()
    assert f"users/{recordings.user_id}/x/e.jpg" not in await recordings.objects()


async def test_its_jobs_are_cancelled(recordings):
    taken = await recordings.bring("a.mp4")
    await delete(recordings, taken)
    jobs = await recordings.rows("SELECT DISTINCT status::text FROM inference_jobs")
    assert jobs == [{"status": "cancelled"}]


async def test_a_job_that_is_asked_for_while_a_recording_is_deleted_is_refused(recordings):
    """It waits for the cancellation of the one that is active, and then its file is gone: that is no error of ours."""
    taken = await recordings.bring("a.mp4")
    async with recordings.services.database.write() as session:
        await service.delete(session, recordings.user_id, taken.recording_id)
        path = f"{PATH}/{taken.recording_id}/extraction"
        asked = asyncio.create_task(recordings.api.call("POST", path, {}))
        await asyncio.sleep(0.5)
        assert not asked.done()
    status, body = await asked
    assert (status, body["error"]["code"]) == (409, "conflict")
    jobs = await recordings.rows("SELECT DISTINCT status::text FROM inference_jobs")
    assert jobs == [{"status": "cancelled"}]


async def test_what_a_cancelled_job_stores_all_the_same_is_removed(recordings):
    """A large object that is on its way into the store cannot be stopped: it arrives after the deletion."""
    taken = await recordings.bring("a.mp4")
    event_id = await recordings.add_event(taken, 0.1)
    [key] = await recordings.objects()
    await delete(recordings, taken)
    await recordings.deliver()
    assert await recordings.objects() == []
    late = [
        keys.preview_key(key),
        keys.event_picture_key(recordings.user_id, taken.recording_id, event_id),
    ]
    for late_key in late:
        await recordings.services.store.put(late_key, b"late")
    await recordings.deliver()
    assert await recordings.objects() == sorted(late)
    await make_old(recordings)
    await recordings.deliver()

    assert await recordings.objects() == []
    assert await recordings.rows("SELECT * FROM outbox_events WHERE status <> 'consumed'") == []


async def test_a_deleted_file_may_come_again(recordings):
    path = recordings.videos.make("a.mp4")
    first = await recordings.take(path)
    await delete(recordings, first)
    again = await recordings.take(path)
    assert again.is_new
    await recordings.deliver()
    await make_old(recordings)
    await recordings.deliver()
    assert len(await recordings.objects()) == 1


async def test_nothing_is_removed_before_the_deletion_is_committed(recordings):
    taken = await recordings.bring("a.mp4")
    objects = await recordings.objects()

    async def broken():
        from daybook.lifelog.recordings import service

        async with recordings.services.database.write() as session:
            await service.delete(session, recordings.user_id, taken.recording_id)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken()
    await recordings.deliver()
    assert await recordings.objects() == objects
    assert (await recordings.get(taken))["name"] == "a.mp4"


async def test_a_store_that_is_away_is_tried_again(recordings, monkeypatch):
    taken = await recordings.bring("a.mp4")
    await recordings.deliver()
    await delete(recordings, taken)

    async def away(*_):
        raise OSError("away")

    with monkeypatch.context() as broken:
        broken.setattr(type(recordings.services.store), "delete", away)
        assert await recordings.deliver() == ["retried"]
    assert len(await recordings.objects()) == 1
    await recordings.rows("UPDATE outbox_events SET next_attempt_at = now()")
    assert await recordings.deliver() == ["consumed", "retried"]  # removed, and to be removed again
    assert await recordings.objects() == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_whoever_is_killed_while_taking_in_leaves_nothing_for_long(recordings, database_url, fault):
    path = recordings.videos.make("GX020123.MP4")
    data = recordings.services.settings.data
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", TAKE_IN, database_url, str(data), str(recordings.user_id), str(path)),
        env={"DAYBOOK_FAILPOINT": fault, "DAYBOOK_DATA": str(data)},
    )
    assert await process.wait() == -9
    survived = fault == "recordings.commit.after"
    assert len(await recordings.listed()) == survived

    if not survived:
        await recordings.deliver()  # too early: it may still be on its way
        assert len(await recordings.objects()) == (fault != "recordings.announce.after")
        await make_old(recordings)
        await recordings.deliver()
        assert await recordings.objects() == []
    taken = await recordings.take(path)
    assert taken.is_new is not survived
    await make_old(recordings)
    await recordings.deliver()
    [key] = await recordings.objects()
    assert str(taken.file_id) in key
    assert await recordings.rows("SELECT * FROM outbox_events WHERE status <> 'consumed'") == []


async def test_a_file_that_is_being_taken_in_is_not_removed(recordings, monkeypatch):
    """The worker that cleans up comes between storing and claiming, a quarter of an hour late."""
    from daybook.lifelog.recordings import ingest

    claim = ingest._claim

    async def slowly(services, file):
        await make_old(recordings)
        await recordings.deliver()
        return await claim(services, file)

    monkeypatch.setattr(ingest, "_claim", slowly)
    path = recordings.videos.make("a.mp4")
    with pytest.raises(Exception, match="was lost"):
        await recordings.take(path)
    assert await recordings.listed() == []
    assert await recordings.objects() == []

    place = ingest._place

    async def in_between(session, file):
        await make_old(recordings)
        assert await recordings.deliver() == ["retried"]
        await place(session, file)

    monkeypatch.setattr(ingest, "_claim", claim)
    monkeypatch.setattr(ingest, "_place", in_between)
    taken = await recordings.take(path)
    await make_old(recordings)
    await recordings.deliver()
    [key] = await recordings.objects()
    assert str(taken.file_id) in key


def test_every_named_step_is_killed_at():
    source = Path(removal.__file__).with_name("ingest.py").read_text()
    named = {line.split('"')[1] for line in source.splitlines() if "failpoints.point(" in line}
    assert named == set(FAULTS)
