"""What can go wrong with events."""

from daybook.kit.errors import Conflict, Invalid, NotFound


class NoSuchEvent(NotFound):
    """There is no such event, or it is another user's."""

    code = "no_such_event"

    def __init__(self) -> None:
        super().__init__("There is no such event.")


class NotJoinable(Invalid):
    """Events that cannot be made one, or an event that cannot be cut there."""

    code = "not_joinable"


class NoVisionModel(Conflict):
    """There is no model that could describe events."""

    code = "no_vision_model"
