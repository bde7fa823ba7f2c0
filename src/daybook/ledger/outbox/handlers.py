"""Handlers of events, by type and version."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from daybook.db.engine import WriteSession
from daybook.ledger.outbox.errors import Undeliverable

Payload = TypeVar("Payload", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Event:
    """An event that is being delivered, without its payload."""

    id: int
    type: str
    version: int
    aggregate: str
    key: str
    attempts: int
    """Those that failed so far."""
    age: timedelta
    """Since it was published, by the database's clock."""


@dataclass(frozen=True, slots=True)
class Handler(Generic[Payload]):
    """Consumes the events of one type and version.

    `handle` works in the transaction that also marks the event consumed. It must not commit, and all that it does has
    to be in that database: whatever else it did would be done again with the next attempt.
    """

    event_type: str
    version: int
    payload: type[Payload]
    handle: Callable[[WriteSession, Event, Payload], Awaitable[None]]


class Handlers:
    """The handlers of this process, by type and version."""

    def __init__(self, handlers: Iterable[Handler[Any]]) -> None:
        self._handlers: dict[tuple[str, int], Handler[Any]] = {}
        for handler in handlers:
            if (handler.event_type, handler.version) in self._handlers:
                raise ValueError(f"{handler.event_type} version {handler.version} has two handlers.")
            self._handlers[handler.event_type, handler.version] = handler

    @property
    def known(self) -> list[tuple[str, int]]:
        """The types and versions that can be consumed here."""
        return list(self._handlers)

    async def consume(self, session: WriteSession, event: Event, payload: Any) -> None:
        """Hand `event` to its handler.

        Raises `Undeliverable` for a payload that does not fit, and whatever the handler raises.
        """
        handler = self._handlers[event.type, event.version]
        try:
            parsed = handler.payload.model_validate(payload)
        except ValidationError as error:
            raise Undeliverable(f"The payload is malformed. {_words(error)}") from None
        await handler.handle(session, event, parsed)


def _words(error: ValidationError) -> str:
    """Return every problem in one line. Values are left out: they may be private."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc']) or 'payload'}: {problem['msg']}"
        for problem in problems
    )
