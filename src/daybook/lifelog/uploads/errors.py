"""Errors of uploads. tus has statuses that the kinds of `kit.errors` lack, so each error has its own."""

from daybook.kit.errors import DaybookError, Specifics

BAD_REQUEST = 400
NOT_FOUND = 404
TIMED_OUT = 408
OFFSET_MISMATCH = 409
EXPIRED = 410
WRONG_VERSION = 412
TOO_LARGE = 413
WRONG_CONTENT_TYPE = 415
REFUSED = 422
BUSY = 423
TOO_MANY = 429
CHECKSUM_MISMATCH = 460
"""Defined by tus."""
INSUFFICIENT_STORAGE = 507


class TusError(DaybookError):
    """A failed request, with its status and headers."""

    def __init__(
        self, status: int, code: str, message: str, details: Specifics | None = None, **headers: str
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def busy() -> TusError:
    """Return the error for an upload that another request is sending or ingesting."""
    return TusError(BUSY, "upload_busy", "Another request is working on this upload. Try again in a moment.")


def disk_full() -> TusError:
    """Return the error for a full disk."""
    return TusError(
        INSUFFICIENT_STORAGE,
        "disk_full",
        "The server's disk is full. The part received is kept; resume when there is room.",
    )
