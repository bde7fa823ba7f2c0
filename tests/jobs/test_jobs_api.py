"""The API of jobs: one's own for everybody, all of them for administrators."""

import asyncio
from uuid import uuid4

import pytest

from daybook.jobs import JobFailed, JobType, type_settings
from support.application.api import Api
from support.jobs.jobs import leave, raising


async def plain(context):
    await leave(context, "done")


@pytest.fixture
def mine(ana):
    return Api(ana)


@pytest.fixture
def everybodys(admin):
    return Api(admin)


async def id_of(api):
    return (await api.get("/api/v1/me"))["id"]


async def test_a_person_sees_follows_cancels_and_retries_their_own_jobs_only(jobs, mine, everybodys):
    ana = await id_of(mine)
    own = await jobs.enqueue(
        "plain", user_id=ana, input_url="2026-11-20", params={"diary_date": "2026-11-20"}
    )
    other = await jobs.enqueue("plain", user_id=await id_of(everybodys))
    nobodys = await jobs.enqueue("plain")

    listed = await mine.get("/api/v1/jobs")
    assert ([job["id"] for job in listed["list"]], listed["total"], listed["has_more"]) == (
        [str(own)],
        1,
        False,
    )
    job = await mine.get(f"/api/v1/jobs/{own}")
    assert job == listed["list"][0]
    assert {
        name: job[name] for name in ("type", "status", "progress", "attempts", "input_url", "params")
    } == {
        "type": "plain",
        "status": "pending",
        "progress": 0,
        "attempts": 0,
        "input_url": "2026-11-20",
        "params": {"diary_date": "2026-11-20"},
    }
    assert "user_id" not in job
    for someone_elses in (other, nobodys, uuid4()):
        for method, path in (("GET", ""), ("POST", "/cancellation"), ("POST", "/retry")):
            status, body = await mine.call(method, f"/api/v1/jobs/{someone_elses}{path}")
            assert (status, body["error"]["code"]) == (404, "not_found")

    status, job = await mine.call("POST", f"/api/v1/jobs/{own}/cancellation")
    assert (status, job["status"], job["is_being_cancelled"]) == (200, "cancelled", False)
    status, job = await mine.call("POST", f"/api/v1/jobs/{own}/cancellation")
    assert (status, job["status"]) == (200, "cancelled")
    status, job = await mine.call("POST", f"/api/v1/jobs/{own}/retry")
    assert (status, job["status"]) == (200, "pending")
    status, body = await mine.call("POST", f"/api/v1/jobs/{own}/retry")
    assert (status, body["error"]["code"]) == (409, "job_not_failed")

    async with jobs.worker(JobType("plain", plain)):
        await jobs.until(own, "success")
    job = await mine.get(f"/api/v1/jobs/{own}")
    assert (job["status"], job["progress"], job["attempts"]) == ("success", 1, 1)
    assert job["metrics"]["seconds"].keys() == {"starting"}
    status, body = await mine.call("POST", f"/api/v1/jobs/{own}/cancellation")
    assert (status, body["error"]["code"]) == (409, "job_ended")


async def test_jobs_are_filtered_and_come_in_pages(jobs, mine):
    ana = await id_of(mine)
    ids = [str(await jobs.enqueue(kind, user_id=ana)) for kind in ("a", "b", "a", "a")]
    await jobs.cancel(ids[2])

    first = await mine.get("/api/v1/jobs", type="a", page_size=2)
    assert ([job["id"] for job in first["list"]], first["total"], first["has_more"]) == (
        [ids[3], ids[2]],
        3,
        True,
    )
    assert [job["id"] for job in (await mine.get("/api/v1/jobs", type="a", page_size=2, page=2))["list"]] == [
        ids[0]
    ]
    assert [job["id"] for job in (await mine.get("/api/v1/jobs", status="cancelled"))["list"]] == [ids[2]]


async def test_a_failed_job_says_why(jobs, mine):
    own = await jobs.enqueue("raising", user_id=await id_of(mine))
    async with jobs.worker(raising(JobFailed("no_events", "There are no events on this day."))):
        await jobs.until(own, "failed")
    job = await mine.get(f"/api/v1/jobs/{own}")
    assert (job["error_code"], job["error_message"]) == ("no_events", "There are no events on this day.")


async def test_two_active_jobs_of_one_subject_are_not_made_by_a_retry(jobs, mine):
    ana = await id_of(mine)
    first = await jobs.enqueue("a", user_id=ana, subject="day")
    await jobs.cancel(first)
    await jobs.enqueue("a", user_id=ana, subject="day")
    status, body = await mine.call("POST", f"/api/v1/jobs/{first}/retry")
    assert (status, body["error"]["code"]) == (409, "job_active")
    assert (await jobs.job(first)).status == "cancelled"


async def test_administrators_see_and_control_everything(jobs, mine, everybodys):
    ana = await id_of(mine)
    hers = await jobs.enqueue("a", user_id=ana, subject="her day")
    nobodys = await jobs.enqueue("b")
    listed = await everybodys.get("/api/v1/admin/jobs")
    assert {job["id"]: (job["user_id"], job["account"], job["subject"]) for job in listed["list"]} == {
        str(hers): (ana, "ana", "her day"),
        str(nobodys): (None, None, None),
    }
    assert (await everybodys.get("/api/v1/admin/jobs", user_id=ana))["total"] == 1
    assert (await everybodys.get(f"/api/v1/admin/jobs/{nobodys}"))["type"] == "b"
    assert (await everybodys.call("POST", f"/api/v1/admin/jobs/{hers}/cancellation"))[1][
        "status"
    ] == "cancelled"
    assert (await everybodys.call("POST", f"/api/v1/admin/jobs/{hers}/retry"))[1]["status"] == "pending"
    health = await everybodys.get("/api/v1/admin/health")
    assert (health["jobs"]["pending"], health["jobs"]["processing"]) == (2, 0)
    assert health["jobs"]["oldest_pending_at"] is not None


async def test_types_are_paused_and_limited(jobs, everybodys):
    async with jobs.database.write() as session:
        await type_settings.register(session, [("a", 2)])
    await jobs.enqueue("a")
    (kind,) = await everybodys.get("/api/v1/admin/job-types")
    assert (kind["type"], kind["paused"], kind["concurrency"], kind["pending"]) == ("a", False, 2, 1)
    path = "/api/v1/admin/job-types/a"
    status, kind = await everybodys.call("PATCH", path, {"paused": True, "concurrency": 5})
    assert (status, kind["paused"], kind["concurrency"]) == (200, True, 5)
    status, kind = await everybodys.call("PATCH", path, {"concurrency": None})
    assert (kind["paused"], kind["concurrency"]) == (True, 2)
    async with jobs.database.write() as session:
        await type_settings.register(session, [("a", 3)])  # a worker that starts changes nothing that was set
    (kind,) = await everybodys.get("/api/v1/admin/job-types")
    assert (kind["paused"], kind["concurrency"]) == (True, 3)

    status, body = await everybodys.call("PATCH", "/api/v1/admin/job-types/b", {"paused": True})
    assert (status, "Known types: a" in body["error"]["message"]) == (404, True)
    for nonsense in ({"concurrency": 0}, {"concurrency": 10**9}, {"paused": "maybe"}, {"limit": 3}):
        assert (await everybodys.call("PATCH", path, nonsense))[0] == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/admin/jobs"),
        ("GET", "/api/v1/admin/jobs/018f3a5e-0000-7000-8000-000000000001"),
        ("POST", "/api/v1/admin/jobs/018f3a5e-0000-7000-8000-000000000001/cancellation"),
        ("POST", "/api/v1/admin/jobs/018f3a5e-0000-7000-8000-000000000001/retry"),
        ("GET", "/api/v1/admin/job-types"),
        ("PATCH", "/api/v1/admin/job-types/a"),
    ],
)
async def test_other_people_may_do_none_of_that(mine, visitor, method, path):
    assert (await mine.call(method, path, {}))[0] == 403
    assert (await Api(visitor).call(method, path, {}))[0] == 401


async def test_nothing_that_is_asked_is_a_500(mine, visitor):
    assert (await mine.call("GET", "/api/v1/jobs/x"))[0] == 422
    for name, value in (("status", "odd"), ("type", "\x00"), ("type", ""), ("page", 0), ("page_size", 10**6)):
        assert (await mine.call("GET", "/api/v1/jobs", **{name: value}))[0] == 422, name
    assert (await Api(visitor).call("GET", "/api/v1/jobs"))[0] == 401


async def test_a_job_that_runs_says_that_it_is_being_cancelled(jobs, mine):
    go_on = asyncio.Event()

    async def run(context):
        try:
            await asyncio.sleep(60)
        finally:
            await go_on.wait()

    own = await jobs.enqueue("slow", user_id=await id_of(mine))
    async with jobs.worker(JobType("slow", run)):
        await jobs.until(own, "processing")
        status, job = await mine.call("POST", f"/api/v1/jobs/{own}/cancellation")
        assert (status, job["status"], job["is_being_cancelled"]) == (200, "processing", True)
        go_on.set()
        await jobs.until(own, "cancelled")
