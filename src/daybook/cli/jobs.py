"""`daybook jobs`: the background jobs of all users."""

from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer

from daybook.cli.options import Json
from daybook.cli.output import cell, print_fields, print_json, print_result, print_table
from daybook.cli.work import checked, read, write

if TYPE_CHECKING:
    from daybook.db.engine import ReadSession, WriteSession
    from daybook.jobs.schemas import AdminJobResponse, JobTypeResponse

app = typer.Typer(help="Background jobs: pending, running and ended ones.", no_args_is_help=True)


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
    user: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Only this user's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    found = read(lambda session: _find(session, status, job_type, user, limit))
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
    job = _job(job_id, "get")
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
            ("started (UTC)", job.started_at),
            ("ended (UTC)", job.finished_at),
            ("next attempt (UTC)", job.next_attempt_at),
            ("seconds", [f"{name} {value:g}" for name, value in seconds.items()]),
            ("metrics", [f"{name} {value}" for name, value in others.items()]),
            ("trace", job.trace_id),
        ]
    )


@app.command()
def cancel(job_id: JobId, as_json: Json = False) -> None:
    """Cancel a job.

    A pending one ends at once, a running one within two seconds.
    """
    job = _job(job_id, "cancel")
    state = "is being cancelled" if job.is_being_cancelled else "is cancelled"
    print_result(job, f"Job {job.id} {state}.", as_json=as_json)


@app.command()
def retry(job_id: JobId, as_json: Json = False) -> None:
    """Run a failed or cancelled job again; finished steps are kept."""
    job = _job(job_id, "retry")
    print_result(job, f"Job {job.id} will be retried.", as_json=as_json)


@app.command()
def types(as_json: Json = False) -> None:
    """List the job types, their settings and their jobs' states."""
    from daybook.jobs import type_settings  # noqa: PLC0415  (here and below: see the package's docstring)

    found = read(type_settings.list_types)
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
        empty="No worker has registered a type.",
    )


@app.command()
def pause(job_type: TypeName, as_json: Json = False) -> None:
    """Start no more jobs of a type; running ones continue."""
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
    """Set how many jobs of a type may run at a time, over all workers.

    Without a number, the default applies.
    """
    _report(_change(job_type, concurrency=most), as_json)


def _status(job: "AdminJobResponse") -> str:
    return "being cancelled" if job.is_being_cancelled else str(job.status)


def _report(kind: "JobTypeResponse", as_json: bool) -> None:
    state = "paused" if kind.paused else "not paused"
    sentence = f"{kind.type}: {state}, {kind.concurrency} at a time, {kind.pending} pending."
    print_result(kind, sentence, as_json=as_json)


def _change(job_type: str, **change: object) -> "JobTypeResponse":
    from daybook.jobs import type_settings  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.jobs.schemas import JobTypeUpdate  # noqa: PLC0415

    changes = checked(JobTypeUpdate, **change)
    return write(lambda session: type_settings.update(session, job_type, changes))


async def _find(
    session: "ReadSession", status: str | None, job_type: str | None, user: str | None, limit: int
) -> "list[AdminJobResponse]":
    from daybook.cli.names import user_id_of  # noqa: PLC0415
    from daybook.jobs import service  # noqa: PLC0415
    from daybook.jobs.schemas import JobFilter  # noqa: PLC0415

    user_id = None if user is None else await user_id_of(session, user)
    wanted = checked(JobFilter, user_id=user_id, type=job_type, status=status)
    found = await service.page(session, wanted, page_size=limit)
    return await service.with_accounts(session, found.list)


def _job(job_id: UUID, action: "Literal['get', 'cancel', 'retry']") -> "AdminJobResponse":
    from daybook.jobs import service  # noqa: PLC0415

    function = {"get": service.get, "cancel": service.cancel, "retry": service.retry}[action]

    async def act(session: "WriteSession") -> "AdminJobResponse":
        return await service.with_account(session, await function(session, job_id))

    return write(act)
