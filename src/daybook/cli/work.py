"""Run a command on the database: in DATABASE_URL, of `daybook run`, or started for the command."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from daybook.kit.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from daybook.db.engine import Database, ReadSession, WriteSession
    from daybook.settings import Settings

T = TypeVar("T")
Model = TypeVar("Model", bound="BaseModel")


def work(job: "Callable[[Database], Awaitable[T]]") -> T:
    """Run `job` on the database, after migrating it unless a running Daybook keeps it up to date.

    Raises `DaybookError` for every problem of the database.
    """
    import asyncio  # noqa: PLC0415  (here and below: see the package's docstring)

    with _database_url() as (url, is_kept):
        return asyncio.run(_work(job, url, is_kept=is_kept))


def read(job: "Callable[[ReadSession], Awaitable[T]]") -> T:
    """Run `job` in a session that reads. Raises as `work` does."""

    async def run(database: "Database") -> T:
        async with database.read() as session:
            return await job(session)

    return work(run)


def write(job: "Callable[[WriteSession], Awaitable[T]]") -> T:
    """Run `job` in a transaction. Raises as `work` does."""

    async def run(database: "Database") -> T:
        async with database.write() as session:
            return await job(session)

    return work(run)


def read_settings() -> "Settings":
    """Read the settings. Raises `Invalid` naming invalid ones, without their values."""
    from pydantic import ValidationError  # noqa: PLC0415

    from daybook.settings import settings  # noqa: PLC0415

    try:
        return settings()
    except ValidationError as error:
        raise Invalid(f"The environment has an invalid setting. {_words(error, 'DAYBOOK_')}") from None


def checked(schema: type[Model], **values: object) -> Model:
    """Validate options with the API's schema. Raises `Invalid` naming the option."""
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise Invalid(_words(error)) from None


@contextmanager
def _database_url() -> "Generator[tuple[str, bool]]":
    """The database's URL, and whether a running Daybook keeps it up to date."""
    settings = read_settings()
    if settings.database_url is not None:
        yield settings.database_url, False
        return
    from daybook.db.embedded import RunningServer, server_for_command  # noqa: PLC0415

    with server_for_command(settings.data) as server:
        yield server.dsn, isinstance(server, RunningServer)


async def _work(job: "Callable[[Database], Awaitable[T]]", url: str, *, is_kept: bool) -> T:
    from asyncpg import PostgresError  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.exc import TimeoutError as PoolTimeout  # noqa: PLC0415

    from daybook.db.engine import Database  # noqa: PLC0415
    from daybook.db.errors import DatabaseUnavailable  # noqa: PLC0415

    try:
        if not is_kept:
            from daybook.db.migrate import upgrade_async  # noqa: PLC0415

            await upgrade_async(url)
        database = Database.connect(url, pool=2)
        try:
            return await job(database)
        finally:
            await database.close()
    except (OSError, TimeoutError, PoolTimeout) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no answer"
        raise DatabaseUnavailable(reason) from error
    except (DBAPIError, PostgresError) as error:
        problem = error.orig if isinstance(error, DBAPIError) else error
        words = str(problem).partition(">: ")[2] or str(problem)
        raise Unavailable(
            f"The database refuses: {words.splitlines()[0] if words else 'no reason given'}"
        ) from error


def _words(error: "ValidationError", prefix: str = "") -> str:
    """The first problem in one sentence, without the value, which may be a secret."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{prefix}{place.upper() if prefix else place}: {problem['msg']}."
