"""Jobs, for those whose they are; and all of them, for administrators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from daybook.accounts.access import Administrator, CurrentUser
from daybook.db.dependencies import Reading, Writing
from daybook.jobs import controls, service
from daybook.jobs.models import JobStatus
from daybook.jobs.schemas import (
    AdminJobResponse,
    JobFilter,
    JobResponse,
    JobTypeName,
    JobTypeResponse,
    JobTypeUpdate,
)
from daybook.jobs.views import with_account, with_accounts
from daybook.kit.ids import RowId
from daybook.kit.pages import Page, PageNumber, PageSize

router = APIRouter(prefix="/api/v1", tags=["jobs"])

TypeWanted = Annotated[JobTypeName | None, Query(alias="type", description="Only this type.")]


@router.get("/jobs")
async def list_jobs(
    user: CurrentUser,
    session: Reading,
    job_type: TypeWanted = None,
    status: JobStatus | None = None,
    page: PageNumber = 1,
    page_size: PageSize = 20,
) -> Page[JobResponse]:
    """One's own jobs, newest first."""
    wanted = JobFilter(user_id=user.id, type=job_type, status=status)
    found = await service.page(session, wanted, page=page, page_size=page_size)
    return Page[JobResponse].of(
        [JobResponse.of(job) for job in found.list], page=page, page_size=page_size, total=found.total
    )


@router.get("/jobs/{job_id}")
async def get_job(user: CurrentUser, session: Reading, job_id: UUID) -> JobResponse:
    """One of one's own jobs: what it is at, and what became of it."""
    return JobResponse.of(await service.get(session, job_id, user.id))


@router.post("/jobs/{job_id}/cancellation")
async def cancel_job(user: CurrentUser, session: Writing, job_id: UUID) -> JobResponse:
    """Cancel a job: one that waits ends at once, one that runs within two seconds."""
    return JobResponse.of(await service.cancel(session, job_id, user.id))


@router.post("/jobs/{job_id}/retry")
async def retry_job(user: CurrentUser, session: Writing, job_id: UUID) -> JobResponse:
    """Run a failed or cancelled job again. What it had finished is kept."""
    return JobResponse.of(await service.retry(session, job_id, user.id))


@router.get("/admin/jobs")
async def list_all_jobs(
    _: Administrator,
    session: Reading,
    job_type: TypeWanted = None,
    status: JobStatus | None = None,
    user_id: RowId | None = None,
    page: PageNumber = 1,
    page_size: PageSize = 20,
) -> Page[AdminJobResponse]:
    """Everybody's jobs, newest first."""
    wanted = JobFilter(user_id=user_id, type=job_type, status=status)
    found = await service.page(session, wanted, page=page, page_size=page_size)
    return Page[AdminJobResponse].of(
        await with_accounts(session, found.list), page=page, page_size=page_size, total=found.total
    )


@router.get("/admin/jobs/{job_id}")
async def get_any_job(_: Administrator, session: Reading, job_id: UUID) -> AdminJobResponse:
    """Anybody's job."""
    return await with_account(session, await service.get(session, job_id))


@router.post("/admin/jobs/{job_id}/cancellation")
async def cancel_any_job(_: Administrator, session: Writing, job_id: UUID) -> AdminJobResponse:
    """Cancel anybody's job."""
    return await with_account(session, await service.cancel(session, job_id))


@router.post("/admin/jobs/{job_id}/retry")
async def retry_any_job(_: Administrator, session: Writing, job_id: UUID) -> AdminJobResponse:
    """Run anybody's failed or cancelled job again."""
    return await with_account(session, await service.retry(session, job_id))


@router.get("/admin/job-types")
async def list_job_types(_: Administrator, session: Reading) -> list[JobTypeResponse]:
    """The types that some worker has known: what is set for them, and how their jobs do."""
    return await controls.types(session)


@router.patch("/admin/job-types/{type}")
async def change_job_type(
    _: Administrator,
    session: Writing,
    type: JobTypeName,  # noqa: A002  (the path's name)
    change: JobTypeUpdate,
) -> JobTypeResponse:
    """Pause a type, let it go on, or set how many may run at a time; for all workers, at once."""
    return await controls.change(session, type, change)
