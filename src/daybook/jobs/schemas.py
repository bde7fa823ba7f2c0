"""What is asked of jobs, and what the API says about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from daybook.jobs.models import Job, JobStatus

JobTypeName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[a-z0-9_]+$")]


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The job that does what was asked, and whether it was made for it or was on its way already."""

    job: Job
    is_new: bool
