"""What a handler says of an event that it cannot consume. Any other error is tried again as well.

OutboxError
├── Undeliverable    the event itself is wrong: dead at once, with these words
└── NotYet           what it needs is not there yet: tried again
"""


class OutboxError(Exception):
    """An event was not consumed; the words say why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Undeliverable(OutboxError):
    """The event is wrong and trying again would not help."""


class NotYet(OutboxError):
    """What the event needs is not there yet."""
