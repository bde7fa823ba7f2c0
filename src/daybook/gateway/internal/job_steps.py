"""Calls that are steps of jobs: made once, whoever goes on with the job and whatever was killed."""

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
from daybook.gateway.internal.recent_calls import Memory
from daybook.gateway.internal.recovery import Place, answer_in, await_in_ledger, in_ledger
from daybook.gateway.internal.requests import Answer
from daybook.jobs import call_steps
from daybook.jobs.call_steps import CallStep
from daybook.kit import failpoints
from daybook.kit.errors import Unavailable
from llm_tracker.usage import Usage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at a step that this process has begun."""

    job_id: UUID
    step: str
    number: int
    call_id: UUID


class Steps:
    """The model calls of jobs, as this process makes and finds them. `here` is where it journals."""

    def __init__(self, database: Database, memory: Memory, here: Place) -> None:
        self._database = database
        self._memory = memory
        self._here = here

    async def once(self, job_id: UUID, name: str, make: Callable[[Attempt], Awaitable[Answer]]) -> Answer:
        """The step's answer: the one that is kept, else the one in the ledger, else what `make` gives."""
        if not name or len(name) > call_steps.LONGEST_NAME:
            raise ValueError(f"A step's name has 1 to {call_steps.LONGEST_NAME} characters.")
        with _reachable():
            begun = await self._find(job_id, name)
            if begun is not None and begun.finished:
                return _answer(begun.result)
            answer = await self._of_before(begun)
            if begun is not None and answer is not None:
                await self._keep(Attempt(job_id, name, begun.attempt, answer.call_id), answer)
                return answer
            attempt = await self._begin(job_id, name, begun)
        failpoints.point("internal.begin.after")
        answer = await make(attempt)
        failpoints.point("internal.finish.before")
        await self._keep(attempt, answer)
        failpoints.point("internal.finish.after")
        return answer

    async def _find(self, job_id: UUID, name: str) -> CallStep | None:
        async with self._database.read() as session:
            return await call_steps.find(session, job_id, name)

    async def _of_before(self, begun: CallStep | None) -> Answer | None:
        """The answer to a call that was begun before, by whomever. Waits until it is known what became of it."""
        if begun is None or begun.call_id is None:
            return None
        ended = self._memory.of(begun.call_id)
        if ended is not None and not ended.succeeded:
            return None
        found = await await_in_ledger(self._database, begun.call_id, lambda: self._may_come(begun))
        return None if found is None else answer_in(found)

    def _may_come(self, begun: CallStep) -> bool | None:
        """Whether a journal may still bring the call of `begun` into the ledger; None where that cannot be known."""
        place = Place.of_json(begun.note)
        if place == self._here:
            return begun.call_id is not None and self._memory.knows(begun.call_id)
        return place.exists() if place.is_beside(self._here) else None

    async def _begin(self, job_id: UUID, name: str, begun: CallStep | None) -> Attempt:
        """Begin the next attempt. An id that is in the ledger already is never given to another call."""
        last = 0 if begun is None else begun.attempt
        number = last + 1
        while await self._is_used(call_id := call_id_of(job_id, name, number)):
            number += 1
        async with self._database.write() as session:
            is_ours = await call_steps.begin(
                session, job_id, name, after=last, attempt=number, call_id=call_id, note=self._here.as_json()
            )
        if not is_ours:
            raise Unavailable(f"Another worker is at the step {name!r} of this job.", code="step_taken")
        return Attempt(job_id, name, number, call_id)

    async def _is_used(self, call_id: UUID) -> bool:
        return self._memory.of(call_id) is not None or await in_ledger(self._database, call_id) is not None

    async def _keep(self, attempt: Attempt, answer: Answer) -> None:
        """Keep the answer with the step. While the database is away the ledger has it, sooner or later."""
        try:
            async with self._database.write() as session:
                await call_steps.finish(session, attempt.job_id, attempt.step, attempt.call_id, _kept(answer))
        except (SQLAlchemyError, OSError) as problem:
            log.warning(
                "The answer to call %s is not kept with its step: %s", answer.call_id, type(problem).__name__
            )


def _kept(answer: Answer) -> dict[str, Any]:
    """The answer as its step keeps it."""
    usage = answer.usage
    return {
        "call_id": str(answer.call_id),
        "model": answer.model,
        "text": answer.text,
        "data": answer.data,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
    }


def _answer(kept: dict[str, Any]) -> Answer:
    """The answer that `_kept` told, to be given again."""
    usage = Usage(**kept["usage"])
    return Answer(kept["text"], kept["data"], usage, kept["model"], UUID(kept["call_id"]), reused=True)


@contextlib.contextmanager
def _reachable() -> Generator[None]:
    """Raises `Unavailable` where the database is away."""
    try:
        yield
    except (SQLAlchemyError, OSError) as problem:
        log.warning("A step's calls cannot be looked up: %s", type(problem).__name__)
        raise DatabaseUnavailable from problem
