"""From footage to diary, on the real process tree with worker and demo model: what each step costs, by token."""

import asyncio
import json
import tempfile
from pathlib import Path

import httpx2
import pytest

from daybook.db.embedded.cluster import remove_cluster
from daybook.launcher import demo_model
from daybook.launcher.address import free_port
from support.lifelog.tus import Tus
from support.processes.run import Run

FOOTAGE = Path(__file__).resolve().parents[3] / "shared" / "footage"
CLIPS = ("bikes_640x272_25_h264_silent.mp4", "chaplin_640x360_25_h264_mp3.mp4")

pytestmark = [
    pytest.mark.skipif(
        demo_model.why_not() is not None, reason=f"no demo model here: {demo_model.why_not()}"
    ),
    pytest.mark.skipif(not FOOTAGE.is_dir(), reason="the shared footage is not beside this checkout"),
]

PATIENCE = 300.0  # seconds; a busy machine is slow, not wrong
DAY = "2026-03-08"
MORNING = "2026-03-08T09:00:00Z"


@pytest.fixture
def run():
    with tempfile.TemporaryDirectory(prefix="daybook-test-") as name:
        Path(name).chmod(0o711)
        data = Path(name) / "data"
        run = Run(data, free_port())
        yield run.read_until("Ctrl-C stops everything")
        run.end()
        remove_cluster(data)


class Person:
    """Somebody at the API, who waits for jobs as a page does."""

    def __init__(self, client):
        self.client = client

    async def ask(self, method, path, body=None, expected=(200, 201, 202, 204)):
        answer = await self.client.request(method, path, json=body)
        assert answer.status_code in expected, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def get(self, path):
        return await self.ask("GET", path)

    async def job(self, job_id):
        """A job, once it has ended well."""
        async with asyncio.timeout(PATIENCE):
            while (job := await self.get(f"/api/v1/jobs/{job_id}"))["status"] in {"pending", "processing"}:
                await asyncio.sleep(0.3)
        assert job["status"] == "success", job
        return job

    async def every_job(self):
        """All jobs, once none is under way."""
        async with asyncio.timeout(PATIENCE):
            while True:
                jobs = (await self.get("/api/v1/jobs?page_size=100"))["list"]
                if all(job["status"] not in {"pending", "processing"} for job in jobs):
                    return jobs
                await asyncio.sleep(0.3)

    async def lines(self):
        """The ledger, settled: a call is in it a second after it ends."""
        async with asyncio.timeout(PATIENCE):
            before = None
            while True:
                lines = (await self.get("/api/v1/admin/llm-usage?page_size=100"))["list"]
                if lines == before:
                    return lines
                before = lines
                await asyncio.sleep(1.5)


async def test_a_day_from_its_footage_to_a_page_and_what_it_cost(run):
    credentials = run.credentials()
    async with httpx2.AsyncClient(base_url=run.url, timeout=60) as client:
        person = Person(client)
        signed_in = {"account": credentials["account"], "password": credentials["password"]}
        await person.ask("POST", "/api/v1/session", signed_in)

        recordings = await bring_footage(person, client)
        events = await find_events(person, recordings)
        first = await write_page(person, events)
        await change_an_event_and_refresh(person, events, first)
        await ask_again(person)

        assert json.loads(run.daybook("ledger", "verify", "--json"))["balanced"] is True


async def bring_footage(person, client):
    """Two clips are sent, and set to one morning."""
    tus, recordings = Tus(client), []
    for name in CLIPS:
        answer = await tus.upload((FOOTAGE / name).read_bytes(), filename=name)
        assert answer.status_code == 204, answer.text
        recordings.append(answer.headers["x-daybook-recording"])
    for recording in recordings:
        await person.ask("PATCH", f"/api/v1/recordings/{recording}", {"start_time": MORNING})
    return recordings


async def find_events(person, recordings):
    """Without a model that sees, events have their times and what was measured, and say that they are not described."""
    jobs = await person.every_job()
    assert {job["status"] for job in jobs} == {"success"}, jobs
    events = (await person.get(f"/api/v1/events?day={DAY}&page_size=100"))["list"]
    assert {event["recording_id"] for event in events} == set(recordings)
    assert not any(event["is_described"] for event in events)
    assert all(event["duration"] > 0 and event["facts"] for event in events)
    assert await person.lines() == []  # nothing of it asked a model
    return events


async def write_page(person, events):
    """One page, one version, one job; its lines all carry the job's trace and sum up to its metrics."""
    assert (await person.get(f"/api/v1/diary/{DAY}"))["version"] == 0
    asked = await person.ask("POST", f"/api/v1/diary/{DAY}/generation", {})
    job = await person.job(asked["job_id"])
    page = await person.get(f"/api/v1/diary/{DAY}")

    assert (page["version"], page["is_stale"], page["is_demo"]) == (1, False, True)
    cited = {event for sentence in page["citations"] for event in sentence["events"]}
    assert cited
    assert cited <= {event["id"] for event in events}
    assert all(sentence["events"] for sentence in page["citations"])
    await assert_paid(person, job)
    return page


async def change_an_event_and_refresh(person, events, first):
    """A changed event makes the page stale; writing it anew makes one more version and cites the new words."""
    words = "A woman in a red coat crosses the street."
    await person.ask("PATCH", f"/api/v1/events/{events[0]['id']}", {"summary": words})
    stale = await person.get(f"/api/v1/diary/{DAY}")
    assert stale["is_stale"] is True
    assert stale["content"] == first["content"]

    asked = await person.ask("POST", f"/api/v1/diary/{DAY}/generation", {})
    job = await person.job(asked["job_id"])
    page = await person.get(f"/api/v1/diary/{DAY}")
    assert (page["version"], page["is_stale"]) == (2, False)
    kept = await person.get(f"/api/v1/diary/{DAY}/versions/1")
    assert kept["content"] == first["content"]
    await assert_paid(person, job)


async def ask_again(person):
    """The same events cost nothing; forced, exactly one more version."""
    lines = await person.lines()
    again = await person.ask("POST", f"/api/v1/diary/{DAY}/generation", {}, expected=(200,))
    assert again["version"] == 2
    assert await person.lines() == lines

    body = {"force_refresh": True}
    asked = await person.ask("POST", f"/api/v1/diary/{DAY}/generation", body, expected=(202,))
    await person.job(asked["job_id"])
    assert (await person.get(f"/api/v1/diary/{DAY}"))["version"] == 3


async def assert_paid(person, job):
    """The job's lines are those with its trace, and they sum up to what it says that it took."""
    lines = [line for line in await person.lines() if line["trace_id"] == job["trace_id"]]
    assert lines
    assert {line["source"] for line in lines} == {"diary"}
    assert sum(line["total_tokens"] for line in lines) == job["metrics"]["tokens"] > 0
