"""Errors that end an attempt at a job."""

from daybook.kit.errors import DaybookError, Specifics


class JobFailed(DaybookError):
    """A failure that a retry cannot fix. The job fails at once, with this code and message."""

    def __init__(self, code: str, message: str, details: Specifics | None = None) -> None:
        super().__init__(message, code=code, details=details)


class JobLost(DaybookError):
    """The attempt has lost its claim: another worker has taken the job over, or it has ended.

    Nothing more is written. Let this error propagate: the work is being cancelled.
    """

    code = "job_lost"

    def __init__(self) -> None:
        super().__init__("This attempt has lost its job to another attempt; nothing more is written.")
