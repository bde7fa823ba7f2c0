"""`Refusal`: the error of a call, raised anywhere in the gateway and turned into bytes in `call/responses.py`.

Its shape is that of the called API's family (`apis.families`).
"""

from daybook.db.errors import RETRY_AFTER, DatabaseUnavailable
from daybook.kit.errors import Specifics


class Refusal(Exception):
    """A call that is refused or has failed.

    `code` is for programs; `message` says what happened, what it means and what to do; `details` are the values in it.
    `retry_after` is in seconds. `param` names the field at fault, `allow` the right method.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        retry_after: float | None = None,
        param: str | None = None,
        allow: str | None = None,
        details: Specifics | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.param = param
        self.allow = allow
        self.details: Specifics = details or {}


def database_unavailable() -> Refusal:
    """Return the refusal of a call that needs the database."""
    return Refusal(503, "database_unavailable", DatabaseUnavailable().message, RETRY_AFTER)
