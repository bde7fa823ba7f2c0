"""Errors of events."""

from daybook.kit.errors import Conflict, Invalid, NotFound


class NoSuchEvent(NotFound):
    """The event does not exist or belongs to another user."""

    code = "no_such_event"

    def __init__(self) -> None:
        super().__init__("There is no such event.")


class NotJoinable(Invalid):
    """Events that cannot be merged, or an event that cannot be divided there."""

    code = "not_joinable"


class NoVisionModel(Conflict):
    """No model is available to describe events."""

    code = "no_vision_model"
