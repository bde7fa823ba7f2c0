"""Bring the database up to date and let the first administrator in: `python -m daybook.launcher.prepare URL`.

`daybook run` waits for this program. It is one of its own so that what migrations import is gone again
afterwards. Everything in it may be done any number of times; a kill in the middle leaves nothing that the
next start cannot mend.
"""

import asyncio
import sys

from sqlalchemy.exc import DBAPIError

from daybook.accounts.service.first_run import first_run
from daybook.db.engine import Database
from daybook.db.migrate import upgrade_async
from daybook.gateway.local_models import seed_local_models
from daybook.gateway.secrets import Vault
from daybook.kit.errors import DaybookError, Unavailable
from daybook.launcher.credentials import Credentials, write_credentials
from daybook.settings import Settings, settings


async def prepare(settings: Settings, url: str) -> None:
    """Migrate the database of `settings`, make the first administrator, set up the local models.

    `url`: where Daybook is about to answer. The first credentials are kept before they are committed: kept
    and not committed, they are overwritten at the next start; the other way round nobody would ever know
    them.
    """
    if settings.database_url is None:
        raise Unavailable("There is no database: `daybook run` says where it is (DAYBOOK_DATABASE_URL).")

    await upgrade_async(settings.database_url)
    database = Database.connect(settings.database_url, pool=2)
    try:
        async with database.write() as session:
            made = await first_run(session)
            if made is not None:
                write_credentials(settings.data, Credentials(url, made.account, made.password, made.code))
        await seed_local_models(database, Vault.of(settings), settings)
    finally:
        await database.close()


def main() -> int:
    """Read the command line and prepare."""
    try:
        asyncio.run(prepare(settings(), sys.argv[1]))
    except DaybookError as error:
        return _failed(error.message)
    except (OSError, TimeoutError) as error:
        return _failed(f"The database cannot be reached: {error}. Check DATABASE_URL.")
    except DBAPIError as error:
        return _failed(
            f"The database refuses: {str(error.orig).partition('>: ')[2] or type(error.orig).__name__}"
        )
    return 0


def _failed(words: str) -> int:
    print(words, file=sys.stderr)  # noqa: T201  (`daybook run` shows it)
    return 1


if __name__ == "__main__":
    sys.exit(main())
