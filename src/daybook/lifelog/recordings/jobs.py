"""The background jobs of recordings."""

from daybook.jobs import JobContext, JobType
from daybook.lifelog.context import Services
from daybook.lifelog.recordings.processing import process
from daybook.lifelog.recordings.requests import PROCESSING

_TIME_LIMIT = 48 * 3600.0
"""Seconds: the longest video that is ingested, on the smallest machine."""


def job_types(services: Services) -> list[JobType]:
    """Return the worker's job types for recordings."""

    async def run(context: JobContext) -> None:
        await process(services, context)

    return [JobType(PROCESSING, run, attempts=3, time_limit=_TIME_LIMIT)]
