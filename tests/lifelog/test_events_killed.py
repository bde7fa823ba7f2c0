"""A worker is killed in the middle of footage: another goes on, nothing is there twice, and nothing is paid twice."""

import os
import re
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daybook.lifelog.events import extraction
from daybook.settings import Settings
from support.gateway.served import shipping
from support.lifelog.events import add_provider, lifelog
from support.lifelog.vision import VisionModel
from support.processes import command
from support.videos.scenes import DARK, MOVING, STILL, video

BEGAN = datetime(2026, 3, 8, 4, 0, tzinfo=UTC)

POINTS = [
    "jobs.step.work.after",  # the video is analysed, and nobody has noted it
    "events.extract.write.before",
    "jobs.write_step.commit.before",  # the events are written and not committed
    "events.extract.pictures.stored",
    "events.describe.ask.before",
    "events.describe.write.before",  # the model has answered, and nobody has written it down
]


def test_every_named_step_is_killed_at():
    folder = Path(extraction.__file__).parent
    named = re.findall(
        r'failpoints\.point\("([^"]+)"\)', "".join(path.read_text() for path in folder.rglob("*.py"))
    )
    assert named
    assert set(named) <= set(POINTS)


@pytest.mark.parametrize("point", POINTS)
async def test_what_a_killed_worker_leaves_is_finished_once(point, database, database_url, forks, tmp_path):
    settings = Settings(data=tmp_path / "data", vision_model="seer")
    model = VisionModel()
    await model.start()
    try:
        await add_provider(database, settings, model.url + "/v1")
        async with (
            shipping(settings, database, database_url),
            lifelog(database, database_url, settings) as log,
        ):
            await log.ingest(video(tmp_path / "video.mp4", STILL, MOVING, DARK), "video.mp4", BEGAN)
            job_ids = await log.waiting()
            env = environment(settings, database_url)
            command.write(tmp_path / "worker", ("worker",), env, tmp_path)
            worker = await forks.start("command", str(tmp_path / "worker"), fault=point)
            assert await forks.ended(worker) == -signal.SIGKILL

            (job,) = await log.work(*job_ids)

            assert (job.status, job.attempts) == ("success", 2)
            found = await log.events()
            assert len(found) == 3
            assert {event.summary for event in found} == {"Somebody walks for 5 seconds."}
            for event in found:
                assert (await log.services.store.get(event.thumbnail_s3_key)).startswith(b"\xff\xd8")
            assert len(model.calls) == 1
            assert (job.metrics["described"], job.metrics["tokens"]) == (3, 1100)
        lines = await log.rows("SELECT total_tokens, trace_id FROM llm_tracker_usage")
        assert lines == [{"total_tokens": 1100, "trace_id": job.trace_id}]
    finally:
        await model.stop()


def environment(settings, database_url):
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "DATABASE"))
    }
    return {
        **clean,
        "DATABASE_URL": database_url,
        "DAYBOOK_DATA": str(settings.data),
        "DAYBOOK_VISION_MODEL": "seer",
    }
