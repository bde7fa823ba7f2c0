"""Reasons why a handler did not consume an event. Any other error is retried as well.

OutboxError
├── Undeliverable    the event is invalid: dead at once
└── NotYet           something that it needs is missing so far: retried
"""


class OutboxError(Exception):
    """An event was not consumed; the words say why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Undeliverable(OutboxError):
    """The event is wrong and trying again would not help."""


class NotYet(OutboxError):
    """Something that the event needs is missing so far."""
