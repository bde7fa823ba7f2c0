"""Jobs: one's own, and everybody's for administrators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from daybook.accounts.access import Administrator, CurrentUser
from daybook.db.dependencies import Reading, Writing
from daybook.jobs import service, type_settings
from daybook.jobs.models import JobStatus
from daybook.jobs.schemas import (
    AdminJobResponse,
    JobFilter,
    JobResponse,
    JobTypeName,
    JobTypeResponse,
    JobTypeUpdate,
)
from daybook.kit.ids import RowId
from daybook.kit.pagination import Page, PageNumber, PageSize

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
    """List one's own jobs, newest first."""
    wanted = JobFilter(user_id=user.id, type=job_type, status=status)
    found = await service.page(session, wanted, page=page, page_size=page_size)
    return Page[JobResponse].of(
        [JobResponse.of(job) for job in found.list], page=page, page_size=page_size, total=found.total
    )


@router.get("/jobs/{job_id}")
async def get_job(job_id: UUID, user: CurrentUser, session: Reading) -> JobResponse:
    """Return one of one's own jobs with its state and result."""
    return JobResponse.of(await service.get(session, job_id, user.id))


@router.post("/jobs/{job_id}/cancellation")
async def cancel_job(job_id: UUID, user: CurrentUser, session: Writing) -> JobResponse:
    """Cancel a job: a pending one at once, a running one within two seconds."""
    return JobResponse.of(await service.cancel(session, job_id, user.id))


@router.post("/jobs/{job_id}/retry")
async def retry_job(job_id: UUID, user: CurrentUser, session: Writing) -> JobResponse:
    """Run a failed or cancelled job again. Finished steps are kept."""
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
    """List everybody's jobs, newest first."""
    wanted = JobFilter(user_id=user_id, type=job_type, status=status)
    found = await service.page(session, wanted, page=page, page_size=page_size)
    return Page[AdminJobResponse].of(
        await service.with_accounts(session, found.list), page=page, page_size=page_size, total=found.total
    )


@router.get("/admin/jobs/{job_id}")
async def get_any_job(job_id: UUID, _: Administrator, session: Reading) -> AdminJobResponse:
    """Return any user's job."""
    return await service.with_account(session, await service.get(session, job_id))


@router.post("/admin/jobs/{job_id}/cancellation")
async def cancel_any_job(job_id: UUID, _: Administrator, session: Writing) -> AdminJobResponse:
    """Cancel any user's job."""
    return await service.with_account(session, await service.cancel(session, job_id))


@router.post("/admin/jobs/{job_id}/retry")
async def retry_any_job(job_id: UUID, _: Administrator, session: Writing) -> AdminJobResponse:
    """Run any user's failed or cancelled job again."""
    return await service.with_account(session, await service.retry(session, job_id))


@router.get("/admin/job-types")
async def list_job_types(_: Administrator, session: Reading) -> list[JobTypeResponse]:
    """List the job types that a worker has registered, with their settings and the state of their jobs."""
    return await type_settings.list_types(session)


@router.patch("/admin/job-types/{type}")
async def change_job_type(
    type: JobTypeName,  # noqa: A002  (the path's name)
    body: JobTypeUpdate,
    _: Administrator,
    session: Writing,
) -> JobTypeResponse:
    """Pause or resume a type, or set its concurrency, for all workers at once."""
    return await type_settings.update(session, type, body)
