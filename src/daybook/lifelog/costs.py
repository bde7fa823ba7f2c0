"""Cost of a job's model calls, recorded in its metrics."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from sqlalchemy.exc import SQLAlchemyError

from daybook.jobs import JobContext
from daybook.lifelog.context import WorkerServices

_PATIENCE = 1.0  # seconds for the costs of a job that is being cancelled
_AWAY = (SQLAlchemyError, OSError, TimeoutError)  # the job's own end matters more than its costs


@asynccontextmanager
async def record_costs(context: JobContext, services: WorkerServices) -> AsyncGenerator[None]:
    """Record the job's metrics `tokens` and `cost` when the block ends, also if it fails."""
    try:
        yield
    except asyncio.CancelledError:
        with suppress(*_AWAY):
            await asyncio.wait_for(_note(context, services), _PATIENCE)
        raise
    except Exception:
        with suppress(*_AWAY):
            await _note(context, services)
        raise
    await _note(context, services)


async def _note(context: JobContext, services: WorkerServices) -> None:
    tokens, cost = await services.internal_client.costs(context.job_id)
    context.metric("tokens", tokens)
    context.metric("cost", cost)
