"""Background work and its record. Other domains use what is named here, and `daybook.jobs.service`."""

from daybook.jobs.context import JobContext, Json
from daybook.jobs.errors import JobFailed, JobLost
from daybook.jobs.job_type import JobType

__all__ = ["JobContext", "JobFailed", "JobLost", "JobType", "Json"]
