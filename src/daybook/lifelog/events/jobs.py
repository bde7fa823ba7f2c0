"""Jobs of events: extraction from a file, and description."""

from datetime import date
from uuid import UUID

from daybook.accounts import service as accounts
from daybook.accounts.models import User
from daybook.db.engine import Database
from daybook.jobs import JobContext, JobFailed, JobType
from daybook.kit.errors import NotFound
from daybook.lifelog.context import WorkerServices
from daybook.lifelog.costs import record_costs
from daybook.lifelog.events.description.describing import Work, describe
from daybook.lifelog.events.description.service import DESCRIPTION
from daybook.lifelog.events.description.targets import Selection
from daybook.lifelog.events.extraction import Extraction, extract
from daybook.lifelog.events.local_file import local_file
from daybook.lifelog.recordings.requests import EXTRACTION

AUTOMATIC = "describe_events"
"""A user's setting: False disables the description of new footage."""


def job_types(services: WorkerServices) -> list[JobType]:
    """Return the job types of events."""

    async def run_extraction(context: JobContext) -> None:
        await _extract(context, services)

    async def run_description(context: JobContext) -> None:
        await _describe(context, services)

    return [
        JobType(EXTRACTION, run_extraction, concurrency=2),
        JobType(DESCRIPTION, run_description, concurrency=2),
    ]


async def _extract(context: JobContext, services: WorkerServices) -> None:
    """Params: `file_id`. If the recording is deleted meanwhile, nothing is done."""
    user = await _user(services.database, context)
    file_id = UUID(context.params["file_id"])
    async with local_file(services.store) as file:
        recording_id = await extract(Extraction(context, services, file, user, file_id))
        if recording_id is None or not (user.settings or {}).get(AUTOMATIC, True):
            return
        choice = await services.internal_client.choice("vision", user.settings)
        if choice.model is None:
            context.metric("not_described_because", choice.reason)
            return
        selection = Selection(recording_id=recording_id, file_id=file_id)
        async with record_costs(context, services):
            await describe(Work(context, services, file, user, selection, begins_at=0.6), choice.model)


async def _describe(context: JobContext, services: WorkerServices) -> None:
    """Params: `recording_id` or `day`, and `again`."""
    user = await _user(services.database, context)
    recording_id, day = context.params.get("recording_id"), context.params.get("day")
    selection = Selection(
        recording_id=None if recording_id is None else UUID(recording_id),
        day=None if day is None else date.fromisoformat(day),
        again=bool(context.params.get("again")),
    )
    choice = await services.internal_client.choice("vision", user.settings)
    if choice.model is None:
        raise JobFailed("no_vision_model", f"Nothing was described. {choice.reason}")
    async with local_file(services.store) as file, record_costs(context, services):
        await describe(Work(context, services, file, user, selection), choice.model)


async def _user(database: Database, context: JobContext) -> User:
    async with database.read() as session:
        try:
            return await accounts.get_user(session, context.user_id or 0)
        except NotFound:
            raise JobFailed("no_such_user", "The job's user does not exist.") from None
