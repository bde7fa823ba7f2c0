"""The kinds of error that a person can meet. `web/errors.py` maps kinds to HTTP; domains subclass them.

DaybookError
├── Invalid            what was sent cannot be taken            400
├── Unauthenticated    nobody is signed in, or the code is bad  401
├── Forbidden          somebody is, who may not do this         403
├── NotFound           there is no such thing (for you)         404
├── Conflict           it clashes with what is there            409
├── Limited            a limit is reached; try later            429
├── Upstream           a provider failed                        502
└── Unavailable        Daybook cannot do it now                 503
"""

from collections.abc import Mapping
from typing import TypeAlias

Specifics: TypeAlias = Mapping[str, str | int | float]
"""What an error's words say of this very case (numbers, names, times in ISO 8601), for words in another language."""


class DaybookError(Exception):
    """Something went wrong that has words for the person: what happened, what it means, what to do.

    `code` says the same to programs, and picks the words of the pages; `details` are what these are filled in with.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, details: Specifics | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: Specifics = details or {}
        if code is not None:
            self.code = code


class Invalid(DaybookError):
    """What was sent cannot be taken."""

    code = "invalid"


class Unauthenticated(DaybookError):
    """Nobody is signed in, or the credentials are wrong."""

    code = "unauthenticated"


class Forbidden(DaybookError):
    """Somebody is signed in who may not do this."""

    code = "forbidden"


class NotFound(DaybookError):
    """There is no such thing, or not for this person."""

    code = "not_found"


class Conflict(DaybookError):
    """It clashes with what is there already."""

    code = "conflict"


class Limited(DaybookError):
    """A limit is reached; `retry_after` says in how many seconds it is worth trying again."""

    code = "limited"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Specifics | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.retry_after = retry_after


class Upstream(DaybookError):
    """A provider failed."""

    code = "upstream"


class Unavailable(DaybookError):
    """Daybook cannot do it now: something that it needs is not there."""

    code = "unavailable"
