"""Errors of recordings."""

from daybook.kit.errors import Invalid, NotFound


class Refused(Invalid):
    """A file is rejected; `code` and message give the reason. Nothing of it is kept."""

    code = "refused"


class NoSuchRecording(NotFound):
    """The recording does not exist or belongs to another user."""

    code = "no_such_recording"

    def __init__(self) -> None:
        super().__init__("There is no such recording, or it is not yours.")
