"""Calls that are steps of jobs: each is made once, even if workers are killed and others take over."""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from daybook.db.engine import Database
from daybook.db.errors import DatabaseUnavailable
from daybook.gateway.internal.call_ids import call_id_of
from daybook.gateway.internal.recent_calls import RecentCalls
from daybook.gateway.internal.recovery import JournalLocation, await_in_ledger, in_ledger, response_in
from daybook.gateway.internal.requests import InternalResponse
from daybook.jobs import call_steps
from daybook.jobs.call_steps import CallStep
from daybook.kit import failpoints
from daybook.kit.errors import Unavailable
from llm_tracker.usage import Usage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StepAttempt:
    """An attempt at a step, begun by this process."""

    job_id: UUID
    step: str
    number: int
    call_id: UUID


class JobSteps:
    """The model calls of jobs. `here` is the location of this process's journal."""

    def __init__(self, database: Database, recent_calls: RecentCalls, here: JournalLocation) -> None:
        self._database = database
        self._recent_calls = recent_calls
        self._here = here

    async def once(
        self, job_id: UUID, name: str, make: Callable[[StepAttempt], Awaitable[InternalResponse]]
    ) -> InternalResponse:
        """Return the step's response: the stored one, else the one in the ledger, else that of `make`."""
        if not name or len(name) > call_steps.LONGEST_NAME:
            raise ValueError(f"A step's name has 1 to {call_steps.LONGEST_NAME} characters.")
        with _reachable():
            begun = await self._find(job_id, name)
            if begun is not None and begun.finished:
                return _response(begun.result)
            response = await self._of_before(begun)
            if begun is not None and response is not None:
                await self._keep(StepAttempt(job_id, name, begun.attempt, response.call_id), response)
                return response
            attempt = await self._begin(job_id, name, begun)
        failpoints.point("internal.begin.after")
        response = await make(attempt)
        failpoints.point("internal.finish.before")
        await self._keep(attempt, response)
        failpoints.point("internal.finish.after")
        return response

    async def _find(self, job_id: UUID, name: str) -> CallStep | None:
        async with self._database.read() as session:
            return await call_steps.find(session, job_id, name)

    async def _of_before(self, begun: CallStep | None) -> InternalResponse | None:
        """Return the response of a call that was begun before. Waits until its end is known."""
        if begun is None or begun.call_id is None:
            return None
        ended = self._recent_calls.of(begun.call_id)
        if ended is not None and not ended.succeeded:
            return None
        found = await await_in_ledger(self._database, begun.call_id, lambda: self._may_come(begun))
        return None if found is None else response_in(found)

    def _may_come(self, begun: CallStep) -> bool | None:
        """Return whether the call may still be shipped from a journal; None if unknown."""
        location = JournalLocation.of_json(begun.note)
        if location == self._here:
            return begun.call_id is not None and self._recent_calls.knows(begun.call_id)
        return location.exists() if location.is_beside(self._here) else None

    async def _begin(self, job_id: UUID, name: str, begun: CallStep | None) -> StepAttempt:
        """Begin the next attempt. An id that is in the ledger is never used again."""
        last = 0 if begun is None else begun.attempt
        number = last + 1
        while await self._is_used(call_id := call_id_of(job_id, name, number)):
            number += 1
        async with self._database.write() as session:
            is_ours = await call_steps.begin(
                session, job_id, name, after=last, attempt=number, call_id=call_id, note=self._here.as_json()
            )
        if not is_ours:
            raise Unavailable(f"Another worker runs the step {name!r} of this job.", code="step_taken")
        return StepAttempt(job_id, name, number, call_id)

    async def _is_used(self, call_id: UUID) -> bool:
        return (
            self._recent_calls.of(call_id) is not None or await in_ledger(self._database, call_id) is not None
        )

    async def _keep(self, attempt: StepAttempt, response: InternalResponse) -> None:
        """Store the response with the step. If the database is unavailable, the ledger will have it."""
        try:
            async with self._database.write() as session:
                await call_steps.finish(
                    session, attempt.job_id, attempt.step, attempt.call_id, _kept(response)
                )
        except (SQLAlchemyError, OSError) as problem:
            log.warning(
                "The response to call %s is not stored with its step: %s",
                response.call_id,
                type(problem).__name__,
            )


def _kept(response: InternalResponse) -> dict[str, Any]:
    """Return the response as its step stores it."""
    usage = response.usage
    return {
        "call_id": str(response.call_id),
        "model": response.model,
        "text": response.text,
        "data": response.data,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
    }


def _response(kept: dict[str, Any]) -> InternalResponse:
    """Return the response that `_kept` stored."""
    usage = Usage(**kept["usage"])
    return InternalResponse(
        kept["text"], kept["data"], usage, kept["model"], UUID(kept["call_id"]), reused=True
    )


@contextlib.contextmanager
def _reachable() -> Generator[None]:
    """Raise `Unavailable` if the database is unavailable."""
    try:
        yield
    except (SQLAlchemyError, OSError) as problem:
        log.warning("A step's calls cannot be read: %s", type(problem).__name__)
        raise DatabaseUnavailable from problem
