"""Automatic refreshes: at the time in a user's setting `diary.auto_refresh`, the pages of that day and of the day
before are written if their events have changed.

Invariant: one worker handles a due refresh, once: it records it in the transaction that enqueues the jobs. Of refreshes
missed while no worker ran, only the last is made up for.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError

from daybook.accounts.models import User
from daybook.db.engine import Database
from daybook.db.errors import is_unavailable
from daybook.kit.clock import now
from daybook.kit.errors import DaybookError, Invalid
from daybook.kit.loops import every
from daybook.lifelog.days import zone_named
from daybook.lifelog.diary import repository, service

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=30)

Clock = Callable[[], datetime]


async def keep_refreshed(database: Database, stop: asyncio.Event, clock: Clock = now) -> None:
    """See to what is due, again and again, until `stop`. A database that is unavailable is tried again."""

    async def refresh() -> None:
        await refresh_due(database, clock())

    await every(EVERY.total_seconds(), refresh, stop, "Refreshing diaries")


async def refresh_due(database: Database, moment: datetime) -> int:
    """Handle every refresh that is due at `moment`. Returns the number of enqueued jobs."""
    async with database.read() as session:
        wanting = await repository.users_with_auto_refresh(session)
    asked = 0
    for user, last_due in wanting:
        try:
            zone = zone_named(user.timezone)
            day, due = latest_due(_time_of(user), zone, moment)
            if last_due is None or last_due < due:
                asked += await _refresh(database, user, day, due)
        except DaybookError as problem:  # one person's trouble is not everybody's
            log.warning("The diary of user %s is not refreshed: %s", user.id, problem.message)
        except DBAPIError as problem:
            if is_unavailable(problem):
                raise  # the database is unavailable: all wait
            log.exception("The diary of user %s is not refreshed: %s", user.id, type(problem).__name__)
    return asked


def latest_due(at: time, zone: ZoneInfo, moment: datetime) -> tuple[date, datetime]:
    """Return the local day and the moment (UTC) of the last refresh due at or before `moment`.

    A time skipped by clocks is due later by as much as they jump; one that occurs twice, the first time.
    """
    day = moment.astimezone(zone).date() + timedelta(days=1)
    while (due := datetime.combine(day, at, zone).astimezone(UTC)) > moment:
        day -= timedelta(days=1)
    return day, due


async def _refresh(database: Database, user: User, day: date, due: datetime) -> int:
    """Request the pages of `day` and of the day before if they are stale. Returns the number of enqueued jobs."""
    asked = 0
    async with database.write() as session:
        if not await repository.claim_refresh(session, user.id, due):
            return 0
        for one in (day - timedelta(days=1), day):
            if await service.is_due(session, user, one):
                requested = await service.request_page(session, user, one)
                asked += requested.job_id is not None
    return asked


def _time_of(user: User) -> time:
    try:
        return time.fromisoformat((user.settings or {})["diary"]["auto_refresh"])
    except (TypeError, ValueError):
        raise Invalid("settings.diary.auto_refresh: must be a time of day.") from None
