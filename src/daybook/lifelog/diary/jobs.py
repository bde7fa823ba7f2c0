"""The diary's job type: each job writes one page."""

from daybook.jobs import JobContext, JobType
from daybook.lifelog.context import WorkerServices
from daybook.lifelog.diary.generation import generate
from daybook.lifelog.diary.service import JOB_TYPE


def job_types(services: WorkerServices) -> list[JobType]:
    """Return the type `diary_generation`."""

    async def run(context: JobContext) -> None:
        await generate(services, context)

    return [JobType(JOB_TYPE, run, concurrency=2, attempts=4, time_limit=3600.0)]
