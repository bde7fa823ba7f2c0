"""Background jobs. Other domains use what is exported here, `daybook.jobs.service` and `daybook.jobs.schemas`."""

from daybook.jobs.context import JobContext, Json
from daybook.jobs.errors import JobFailed, JobLost
from daybook.jobs.job_type import JobType
from daybook.jobs.models import Job, JobStatus

__all__ = ["Job", "JobContext", "JobFailed", "JobLost", "JobStatus", "JobType", "Json"]
