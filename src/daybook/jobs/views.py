"""Jobs as administrators see them: with whose they are."""

from collections.abc import Sequence

from daybook.accounts import service as accounts
from daybook.db.engine import ReadSession, WriteSession
from daybook.jobs.models import Job
from daybook.jobs.schemas import AdminJobResponse


async def with_account(session: ReadSession | WriteSession, job: Job) -> AdminJobResponse:
    """`job` with the account of the person whose it is."""
    [answer] = await with_accounts(session, [job])
    return answer


async def with_accounts(session: ReadSession | WriteSession, jobs: Sequence[Job]) -> list[AdminJobResponse]:
    """The same for many, with one question to the database."""
    names = await accounts.account_names(session, {job.user_id for job in jobs if job.user_id is not None})
    return [AdminJobResponse.of(job, account=names.get(job.user_id or 0)) for job in jobs]
