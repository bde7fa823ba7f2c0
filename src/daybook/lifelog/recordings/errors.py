"""What can go wrong with recordings."""

from daybook.kit.errors import Invalid, NotFound


class Refused(Invalid):
    """A file is not taken in; `code` and words say why. Nothing of it is kept."""

    code = "refused"


class NoSuchRecording(NotFound):
    """There is no such recording, or it is another person's."""

    code = "no_such_recording"

    def __init__(self) -> None:
        super().__init__("There is no such recording, or it is not yours.")
