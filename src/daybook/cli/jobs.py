"""`daybook jobs`: background work, everybody's."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from daybook.cli.options import Json
from daybook.cli.output import cell, print_fields, print_json, print_table
from daybook.cli.work import checked, work

if TYPE_CHECKING:
    from daybook.db.engine import Database
    from daybook.jobs.schemas import AdminJobResponse, JobTypeResponse, JobTypeUpdate

app = typer.Typer(help="Background work: what waits, what runs, what became of it.", no_args_is_help=True)


def _job_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter("must be a job's id, as 'daybook jobs list' shows it") from None


JobId = Annotated[UUID, typer.Argument(metavar="ID", parser=_job_id)]
TypeName = Annotated[str, typer.Argument(metavar="TYPE")]


@app.command("list")
def list_jobs(
    status: Annotated[
        str | None, typer.Option(help="pending, processing, success, failed or cancelled.")
    ] = None,
    job_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this type.")] = None,
    user: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Only this person's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    found = work(lambda database: _find(database, status, job_type, user, limit))
    if as_json:
        print_json(found)
        return
    print_table(
        ["id", "enqueued (UTC)", "type", "user", "status", "phase", "progress", "attempts", "error"],
        [
            [
                str(job.id),
                job.created_at,
                job.type,
                job.account,
                _status(job),
                job.phase,
                f"{job.progress:.0%}",
                job.attempts,
                cell(job.error_message, 60),
            ]
            for job in found
        ],
        empty="No jobs.",
    )


@app.command()
def show(job_id: JobId, as_json: Json = False) -> None:
    """Show one job, with its metrics."""
    job = work(lambda database: _get(database, job_id))
    if as_json:
        print_json(job)
        return
    seconds = job.metrics.get("seconds", {})
    others = {name: value for name, value in job.metrics.items() if name != "seconds"}
    print_fields(
        [
            ("id", job.id),
            ("type", job.type),
            ("status", _status(job)),
            ("user", job.account),
            ("input", f"{job.input_type}: {job.input_url or '-'}"),
            ("progress", f"{job.progress:.0%}" + (f", {job.phase}" if job.phase else "")),
            ("attempts", job.attempts),
            ("error", f"{job.error_code}: {job.error_message}" if job.error_code else None),
            ("enqueued (UTC)", job.created_at),
            ("begun (UTC)", job.started_at),
            ("ended (UTC)", job.finished_at),
            ("next attempt (UTC)", job.next_attempt_at),
            ("seconds", [f"{name} {value:g}" for name, value in seconds.items()]),
            ("figures", [f"{name} {value}" for name, value in others.items()]),
            ("trace", job.trace_id),
        ]
    )


@app.command()
def cancel(job_id: JobId, as_json: Json = False) -> None:
    """Cancel a job.

    One that waits ends at once, one that runs within two seconds.
    """
    job = work(lambda database: _cancel(database, job_id))
    if as_json:
        print_json(job)
    else:
        print(f"Job {job.id} {'is being cancelled' if job.is_being_cancelled else 'is cancelled'}.")


@app.command()
def retry(job_id: JobId, as_json: Json = False) -> None:
    """Run a failed or cancelled job again; what it had finished is kept."""
    job = work(lambda database: _retry(database, job_id))
    if as_json:
        print_json(job)
    else:
        print(f"Job {job.id} is tried again.")


@app.command()
def types(as_json: Json = False) -> None:
    """List the types of jobs.

    What is set for them, and how their jobs do.
    """
    found = work(_types)
    if as_json:
        print_json(found)
        return
    print_table(
        ["type", "paused", "at a time", "pending", "processing", "failed", "oldest pending (UTC)"],
        [
            [
                kind.type,
                kind.paused,
                kind.concurrency,
                kind.pending,
                kind.processing,
                kind.failed,
                kind.oldest_pending_at,
            ]
            for kind in found
        ],
        empty="No worker has been here.",
    )


@app.command()
def pause(job_type: TypeName, as_json: Json = False) -> None:
    """Start no more jobs of a type; those that run go on."""
    _report(_change(job_type, paused=True), as_json)


@app.command()
def resume(job_type: TypeName, as_json: Json = False) -> None:
    """Start jobs of a type again."""
    _report(_change(job_type, paused=False), as_json)


@app.command()
def limit(
    job_type: TypeName,
    most: Annotated[int | None, typer.Argument(min=1, max=1000, metavar="[NUMBER]")] = None,
    as_json: Json = False,
) -> None:
    """Let so many jobs of a type run at a time.

    Over all workers; without a number, as many as by default.
    """
    _report(_change(job_type, concurrency=most), as_json)


def _status(job: "AdminJobResponse") -> str:
    return "being cancelled" if job.is_being_cancelled else str(job.status)


def _report(kind: "JobTypeResponse", as_json: bool) -> None:
    if as_json:
        print_json(kind)
        return
    state = "paused" if kind.paused else "not paused"
    print(f"{kind.type}: {state}, {kind.concurrency} at a time, {kind.pending} waiting.")


def _change(job_type: str, **change: object) -> "JobTypeResponse":
    from daybook.jobs.schemas import JobTypeUpdate  # noqa: PLC0415  (here and below: see the package's docstring)

    wanted = checked(JobTypeUpdate, **change)
    return work(lambda database: _set(database, job_type, wanted))


async def _set(database: "Database", job_type: str, change: "JobTypeUpdate") -> "JobTypeResponse":
    from daybook.jobs import controls  # noqa: PLC0415

    async with database.write() as session:
        return await controls.change(session, job_type, change)


async def _types(database: "Database") -> "list[JobTypeResponse]":
    from daybook.jobs import controls  # noqa: PLC0415

    async with database.read() as session:
        return await controls.types(session)


async def _find(
    database: "Database", status: str | None, job_type: str | None, user: str | None, limit: int
) -> "list[AdminJobResponse]":
    from daybook.cli.names import user_id_of  # noqa: PLC0415
    from daybook.jobs import service  # noqa: PLC0415
    from daybook.jobs.schemas import JobFilter  # noqa: PLC0415
    from daybook.jobs.views import with_accounts  # noqa: PLC0415

    async with database.read() as session:
        user_id = None if user is None else await user_id_of(session, user)
        wanted = checked(JobFilter, user_id=user_id, type=job_type, status=status)
        found = await service.page(session, wanted, page_size=limit)
        return await with_accounts(session, found.list)


async def _get(database: "Database", job_id: UUID) -> "AdminJobResponse":
    from daybook.jobs import service  # noqa: PLC0415
    from daybook.jobs.views import with_account  # noqa: PLC0415

    async with database.read() as session:
        return await with_account(session, await service.get(session, job_id))


async def _cancel(database: "Database", job_id: UUID) -> "AdminJobResponse":
    from daybook.jobs import service  # noqa: PLC0415
    from daybook.jobs.views import with_account  # noqa: PLC0415

    async with database.write() as session:
        return await with_account(session, await service.cancel(session, job_id))


async def _retry(database: "Database", job_id: UUID) -> "AdminJobResponse":
    from daybook.jobs import service  # noqa: PLC0415
    from daybook.jobs.views import with_account  # noqa: PLC0415

    async with database.write() as session:
        return await with_account(session, await service.retry(session, job_id))
