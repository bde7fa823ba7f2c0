"""The kinds of errors that users can meet. `web/errors.py` maps them to HTTP; domains subclass them.

DaybookError
├── Invalid            the request is invalid                   400
├── Unauthenticated    no sign-in, or a wrong code              401
├── Forbidden          the user lacks the permission            403
├── NotFound           it does not exist, or not for this user  404
├── Conflict           it conflicts with existing data          409
├── Limited            a limit is reached                       429
├── Upstream           a provider failed                        502
└── Unavailable        a component is unavailable               503
"""

from collections.abc import Mapping
from typing import TypeAlias

Specifics: TypeAlias = Mapping[str, str | int | float]
"""The values in an error's message (numbers, names, times in ISO 8601), for translations."""


class DaybookError(Exception):
    """An error with a message for the user: what happened, what it means, what to do.

    `code` identifies it for programs and for the pages' translations, which are filled in with `details`.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, details: Specifics | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: Specifics = details or {}
        if code is not None:
            self.code = code


class Invalid(DaybookError):
    """The request is invalid."""

    code = "invalid"


class Unauthenticated(DaybookError):
    """The user is not signed in, or the credentials are wrong."""

    code = "unauthenticated"


class Forbidden(DaybookError):
    """The user lacks the permission."""

    code = "forbidden"


class NotFound(DaybookError):
    """It does not exist, or not for this user."""

    code = "not_found"


class Conflict(DaybookError):
    """It conflicts with existing data."""

    code = "conflict"


class Limited(DaybookError):
    """A limit is reached. `retry_after`: seconds until a retry can succeed."""

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
    """A component that Daybook needs is unavailable."""

    code = "unavailable"
