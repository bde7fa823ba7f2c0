"""How a job's work says that it did not succeed."""

from daybook.kit.errors import DaybookError, Specifics


class JobFailed(DaybookError):
    """What another try cannot mend. The job fails at once with this code and these words, which a person reads."""

    def __init__(self, code: str, message: str, details: Specifics | None = None) -> None:
        super().__init__(message, code=code, details=details)


class JobLost(DaybookError):
    """The attempt is no longer the job's: another worker has taken it over, or it has ended.

    Nothing that the attempt still wants to write is written. Let it pass: the work is being cancelled.
    """

    code = "job_lost"

    def __init__(self) -> None:
        super().__init__("This attempt is no longer the job's; what it found is left to the one that is.")
