"""A video in either kind of store, from its import to its pictures, with two workers."""

import asyncio
from urllib.parse import urlsplit

import aiohttp
import pytest
from sqlalchemy import text

from daybook.gateway.internal import is_lasting
from daybook.jobs.worker import Worker
from daybook.lifelog.events import jobs as events
from daybook.lifelog.recordings import jobs as recordings
from support.lifelog.events import lifelog
from support.videos.made import Videos


@pytest.mark.parametrize("kind", ["folder", "s3"])
async def test_a_video_gets_its_events_and_all_its_pictures(
    kind, database, database_url, storage_settings, tmp_path
):
    settings = storage_settings(kind)
    async with lifelog(database, database_url, settings) as log:
        await log.ingest(Videos(tmp_path).make("video.avi", "-c:v", "mpeg4"), "video.avi")
        types = [*events.job_types(log.services), *recordings.job_types(log.services)]
        stop = asyncio.Event()
        workers = [
            asyncio.create_task(Worker(database, database_url, types, 2, is_lasting).work(stop))
            for _ in range(2)
        ]
        async with asyncio.timeout(60):
            while await log.rows("SELECT 1 FROM inference_jobs WHERE finished_at IS NULL"):
                await asyncio.sleep(0.1)
        stop.set()
        await asyncio.gather(*workers)

        assert await log.rows("SELECT DISTINCT status::text, error_message FROM inference_jobs") == [
            {"status": "success", "error_message": None}
        ]
        async with database.read() as session:
            keys = set(
                await session.scalars(
                    text(
                        "SELECT s3_key FROM recording_files UNION SELECT preview_s3_key FROM recording_files"
                        " UNION SELECT thumbnail_s3_key FROM recordings UNION SELECT thumbnail_s3_key FROM events"
                    )
                )
            )
        assert len(keys) >= 4
        assert keys == {file.key async for file in log.services.store.list("users")}
        assert [path for path in (settings.data / "scratch").rglob("*") if path.is_file()] == []
        if kind == "s3":
            await assert_browsers_can_read([await log.services.store.link(key) for key in keys])


async def assert_browsers_can_read(links):
    """A range of each file, with a content type that browsers show."""
    async with aiohttp.ClientSession() as browser:
        for link in links:
            async with browser.get(link, headers={"Range": "bytes=0-9"}) as answer:
                assert answer.status == 206, urlsplit(link).path
                assert answer.content_type.partition("/")[0] in {"video", "image"}
