"""Thumbnails and previews, made in the background."""

import asyncio
import io
import sys
from dataclasses import replace
from pathlib import Path

import av
import pytest

from daybook.lifelog.media import previews
from daybook.lifelog.media.service import inspect, is_playable
from daybook.lifelog.recordings import processing
from daybook.lifelog.recordings.jobs import job_types
from support.jobs.jobs import Jobs
from support.videos.made import FOOTAGE, needs_footage

MPEG4 = ("-c:v", "mpeg4")


@pytest.fixture
def jobs(database, database_url):
    return Jobs(database, database_url)


@pytest.fixture
async def worked(recordings, jobs):
    """Takes files in and waits until they are processed; the recording as it is then."""
    async with jobs.worker(*job_types(recordings.services)):

        async def work(*paths):
            for path in paths:
                taken = await recordings.take(path)
                [row] = await recordings.rows(
                    "SELECT processing_job_id FROM recording_files WHERE id = :id", id=taken.file_id
                )
                await jobs.until(row["processing_job_id"], "success", within=60)
            return await recordings.get(taken)

        yield work


def size_of(jpeg):
    with av.open(io.BytesIO(jpeg)) as container:
        picture = next(container.decode(video=0))
        return picture.width, picture.height


async def test_a_video_that_browsers_play_gets_a_thumbnail_only(recordings, worked):
    shown = await worked(recordings.videos.make("a.mp4", size="640x360"))
    assert shown["is_processed"]
    [file] = shown["files"]
    assert file["preview_url"] is None
    assert file["is_processed"]
    assert (file["processing"]["status"], file["processing"]["progress"]) == ("success", 1)
    thumbnail = await recordings.api.browser.get(shown["thumbnail_url"])
    assert thumbnail.headers["content-type"] == "image/jpeg"
    assert size_of(thumbnail.content) == (640, 360)
    assert len(await recordings.objects()) == 2


async def test_a_video_that_they_do_not_play_gets_a_copy_that_they_do(recordings, worked, tmp_path):
    shown = await worked(recordings.videos.make("a.avi", *MPEG4, size="320x240"))
    [file] = shown["files"]
    preview = await recordings.api.browser.get(file["preview_url"])
    assert preview.headers["content-type"] == "video/mp4"
    path = recordings.videos.write("preview.mp4", preview.content)
    assert is_playable(await inspect(path))
    assert len(await recordings.objects()) == 3
    assert list((tmp_path / "scratch" / "previews").iterdir()) == []
    part = await recordings.api.browser.get(file["preview_url"], headers={"Range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)


async def test_the_first_chapters_picture_is_the_recordings(recordings, worked):
    def chapter(name, at, colour):
        return recordings.videos.make(
            name,
            "-vf",
            f"drawbox=w=80:color={colour}:t=fill",
            "-metadata",
            f"creation_time=2024-01-31T12:00:0{at}Z",
        )

    second = await worked(chapter("GX020123.MP4", 1, "red"))
    before = await recordings.api.browser.get(second["thumbnail_url"])
    both = await worked(chapter("GX010123.MP4", 0, "blue"))
    after = await recordings.api.browser.get(both["thumbnail_url"])
    assert both["is_processed"]
    assert len(both["files"]) == 2
    assert before.content != after.content


async def test_a_recording_that_is_deleted_meanwhile_leaves_nothing(recordings, jobs, monkeypatch):
    made = processing._record

    async def deleted(context, file, **kinds):
        await recordings.rows("DELETE FROM recordings")
        return await made(context, file, **kinds)

    monkeypatch.setattr(processing, "_record", deleted)
    taken = await recordings.take(recordings.videos.make("a.avi", *MPEG4))
    [original] = await recordings.objects()
    [row] = await recordings.rows("SELECT processing_job_id FROM recording_files")
    async with jobs.worker(*job_types(recordings.services)):
        await jobs.until(row["processing_job_id"], "success", within=30)
    assert await recordings.objects() == [original]
    assert taken.is_new


async def test_the_list_says_what_is_being_made_until_it_is_or_nobody_makes_it(recordings, jobs):
    first = await recordings.bring("first.mp4")
    second = await recordings.bring("second.mp4")

    async def processing():
        listed = {one["id"]: one["is_processing"] for one in await recordings.listed()}
        for taken in (first, second):
            assert (await recordings.get(taken))["is_processing"] == listed[str(taken.recording_id)]
        return [listed[str(taken.recording_id)] for taken in (first, second)]

    assert await processing() == [True, True]
    [row] = await recordings.rows(
        "SELECT processing_job_id AS id FROM recording_files WHERE id = :id", id=second.file_id
    )
    await jobs.cancel(row["id"])
    assert await processing() == [True, False]
    [row] = await recordings.rows(
        "SELECT processing_job_id AS id FROM recording_files WHERE id = :id", id=first.file_id
    )
    async with jobs.worker(*job_types(recordings.services)):
        await jobs.until(row["id"], "success")
    assert await processing() == [False, False]
    assert not (await recordings.get(second))["is_processed"]


async def test_a_job_of_a_file_that_is_gone_ends_well(recordings, jobs):
    await recordings.take(recordings.videos.make("a.mp4"))
    [row] = await recordings.rows("SELECT processing_job_id FROM recording_files")
    await recordings.rows("DELETE FROM recordings")
    async with jobs.worker(*job_types(recordings.services)):
        await jobs.until(row["processing_job_id"], "success")


async def test_a_file_that_went_missing_is_said(recordings, jobs):
    taken = await recordings.take(recordings.videos.make("a.mp4"))
    for key in await recordings.objects():
        await recordings.services.store.delete(key)
    [row] = await recordings.rows("SELECT processing_job_id FROM recording_files")
    async with jobs.worker(*job_types(recordings.services)):
        await jobs.until(row["processing_job_id"], "failed")
    shown = await recordings.get(taken)
    assert (shown["is_processed"], shown["is_processing"]) == (False, False)
    state = shown["files"][0]["processing"]
    assert state["error_code"] == "file_missing"
    assert "no longer in the store" in state["error_message"]


async def test_a_video_that_cannot_be_encoded_is_told_at_once_and_has_its_picture(
    recordings, jobs, monkeypatch
):
    monkeypatch.setattr(previews, "_encoded", lambda _: ["-map", "0:v", "-c:v", "none_such"])
    taken = await recordings.take(recordings.videos.make("a.avi", *MPEG4))
    [row] = await recordings.rows("SELECT processing_job_id FROM recording_files")
    async with jobs.worker(*job_types(recordings.services)):
        job = await jobs.until(row["processing_job_id"], "failed")
    assert (job.attempts, job.error_code, job.error_details["name"]) == (1, "no_preview", "a.avi")
    assert "browsers do not play it" in job.error_message
    assert "Unknown encoder" in job.error_message
    shown = await recordings.get(taken)
    assert shown["is_processed"]  # nothing more is to come
    assert shown["thumbnail_url"]
    assert shown["files"][0]["preview_url"] is None


async def test_a_disk_that_was_full_for_a_moment_is_tried_again(recordings, jobs, monkeypatch):
    write, full = previews._run, [Path("/dev/full")]

    async def run(path, video, coding, target, on_progress):
        await write(path, video, coding, full.pop() if full else target, on_progress)

    monkeypatch.setattr(previews, "_run", run)
    taken = await recordings.take(recordings.videos.make("a.avi", *MPEG4))
    [row] = await recordings.rows("SELECT processing_job_id FROM recording_files")
    async with jobs.worker(*(replace(one, first_pause=0.05) for one in job_types(recordings.services))):
        job = await jobs.until(row["processing_job_id"], "success")
    assert job.attempts == 2
    assert (await recordings.get(taken))["files"][0]["preview_url"]


WORK = """
import asyncio, sys
from pathlib import Path
import daybook.tables
from daybook.db.engine import Database
from daybook.jobs.worker import Worker
from daybook.lifelog.recordings.jobs import job_types
from daybook.lifelog.context import Services
from daybook.settings import Settings
from daybook.storage.service import open_store

async def main(url, data):
    settings = Settings(data=Path(data))
    database = Database.connect(url)
    services = Services(database=database, store=open_store(settings), settings=settings)
    await Worker(database, url, job_types(services), 4).work(asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("fault", ["recordings.processing.preview", "recordings.processing.made"])
async def test_another_worker_goes_on_where_one_was_killed(recordings, jobs, database_url, fault):
    taken = await recordings.take(recordings.videos.make("a.avi", *MPEG4))
    data = str(recordings.services.settings.data)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORK, database_url, data, env={"DAYBOOK_FAILPOINT": fault, "DAYBOOK_DATA": data}
    )
    assert await process.wait() == -9
    assert not (await recordings.get(taken))["is_processed"]
    await recordings.rows("UPDATE pgqueuer SET heartbeat = heartbeat - interval '1 minute'")
    [row] = await recordings.rows("SELECT processing_job_id FROM recording_files")
    async with jobs.worker(*job_types(recordings.services)):
        await jobs.until(row["processing_job_id"], "success")
    shown = await recordings.get(taken)
    assert shown["is_processed"]
    assert shown["thumbnail_url"]
    assert shown["files"][0]["preview_url"]
    assert len(await recordings.objects()) == 3
    assert list((recordings.services.settings.data / "scratch" / "previews").iterdir()) == []


async def test_cancelling_ends_ffmpeg_within_two_seconds_and_leaves_nothing(recordings, jobs, tmp_path):
    path = recordings.videos.make("long.avi", "-c:v", "mpeg4", size="1280x720", seconds=60, pattern="testsrc")
    taken = await recordings.take(path)
    [row] = await recordings.rows("SELECT processing_job_id FROM recording_files")
    drafts = tmp_path / "scratch" / "previews"
    async with jobs.worker(*job_types(recordings.services)):
        while not (drafts.is_dir() and list(drafts.iterdir())):
            await asyncio.sleep(0.02)
        await jobs.cancel(row["processing_job_id"])
        await jobs.until(row["processing_job_id"], "cancelled", within=2)
        while list(drafts.iterdir()):
            await asyncio.sleep(0.02)
    assert len(await recordings.objects()) == 1
    assert (await recordings.get(taken))["files"][0]["processing"]["status"] == "cancelled"


@needs_footage
async def test_every_real_clip_is_processed(recordings, worked):
    clips = sorted(path for path in FOOTAGE.iterdir() if path.suffix != ".md")
    for path in clips:
        shown = await worked(path)
        assert shown["is_processed"], path.name
        assert shown["thumbnail_url"], path.name
        assert (shown["files"][0]["preview_url"] is not None) == (path.name.startswith("vtest")), path.name
    assert len(await recordings.listed()) == len(clips)
