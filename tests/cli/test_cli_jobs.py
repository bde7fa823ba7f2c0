"""`daybook jobs`."""

from uuid import uuid4

from daybook.jobs import JobFailed, JobType
from support.jobs.jobs import Jobs, leave, raising


async def plain(context):
    context.metric("frames", 3)
    await leave(context, "done")


async def test_jobs_are_listed_shown_cancelled_and_tried_again(cli, database, database_url):
    jobs = Jobs(database, database_url)
    await jobs.prepare()
    bad, good = await jobs.enqueue("raising"), await jobs.enqueue("plain", input_url="2026-11-20")
    async with jobs.worker(raising(JobFailed("no_events", "There are no events.")), JobType("plain", plain)):
        await jobs.until(bad, "failed")
        await jobs.until(good, "success")
    waits = await jobs.enqueue("plain")

    listed = (await cli("jobs", "list", "--json")).json
    assert [(job["id"], job["status"]) for job in listed] == [
        (str(waits), "pending"),
        (str(good), "success"),
        (str(bad), "failed"),
    ]
    table = (await cli("jobs", "list", "--type", "raising")).out
    assert "There are no events." in table
    assert str(good) not in table
    assert [job["id"] for job in (await cli("jobs", "list", "--status", "success", "--json")).json] == [
        str(good)
    ]
    assert (await cli("jobs", "list", "--type", "nothing")).out == "No jobs.\n"

    shown = (await cli("jobs", "show", str(good))).out
    for words in ("2026-11-20", "success", "100%", "frames 3", "starting"):
        assert words in shown, words
    assert (await cli("jobs", "show", str(bad), "--json")).json["error_code"] == "no_events"

    assert (await cli("jobs", "cancel", str(waits))).out == f"Job {waits} is cancelled.\n"
    assert (await cli("jobs", "retry", str(waits))).out == f"Job {waits} will be retried.\n"
    assert (await cli("jobs", "retry", str(bad), "--json")).json["status"] == "pending"
    for arguments, status, words in (
        (("cancel", str(good)), 1, "ended"),
        (("retry", str(good)), 1, "succeeded"),
        (("show", str(uuid4())), 1, "no job"),
        (("show", "x"), 2, "'ID': must be a job's id, as 'daybook jobs list' shows it"),
        (("list", "--status", "odd"), 1, "status"),
        (("list", "--user", "nobody"), 1, "nobody"),
    ):
        done = await cli("jobs", *arguments)
        assert (done.status, done.out) == (status, ""), arguments
        assert words in done.err


async def test_types_are_paused_and_limited(cli, database, database_url):
    jobs = Jobs(database, database_url)
    await jobs.prepare()
    assert (await cli("jobs", "types")).out == "No worker has registered a type.\n"
    job_id = await jobs.enqueue("plain")
    async with jobs.worker(JobType("plain", plain)):
        await jobs.until(job_id, "success")

    assert (await cli("jobs", "pause", "plain")).out == "plain: paused, 1 at a time, 0 pending.\n"
    assert (await cli("jobs", "limit", "plain", "3")).out == "plain: paused, 3 at a time, 0 pending.\n"
    assert (await cli("jobs", "types", "--json")).json[0]["concurrency"] == 3
    assert "plain" in (await cli("jobs", "types")).out
    assert (await cli("jobs", "resume", "plain", "--json")).json["paused"] is False
    assert (await cli("jobs", "limit", "plain")).out == "plain: not paused, 1 at a time, 0 pending.\n"
    for arguments, status, words in (
        (("pause", "odd"), 1, "Known types: plain"),
        (("limit", "plain", "0"), 2, "NUMBER"),
        (("limit", "plain", "5000"), 2, "NUMBER"),
    ):
        done = await cli("jobs", *arguments)
        assert (done.status, done.out) == (status, ""), arguments
        assert words in done.err
