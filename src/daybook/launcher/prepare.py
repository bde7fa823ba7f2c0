"""Migrate the database and create the first administrator: `python -m daybook.launcher.prepare URL`.

`daybook run` waits for this program. It is a separate process, so that the launcher does not keep the imports of
migrations in memory. Every step can be repeated, also after a kill. Its last line of
output is the `StartupSummary`.
"""

import asyncio
import sys

from sqlalchemy.exc import DBAPIError

from daybook.accounts.codes import code_hash
from daybook.accounts.service.codes import CodeGrant, find_code
from daybook.accounts.service.first_run import first_run, password_holds
from daybook.db.engine import Database, ReadSession
from daybook.db.errors import DatabaseUnavailable
from daybook.db.migrate import upgrade_async
from daybook.gateway.providers.config import matches
from daybook.gateway.providers.local_models import seed_local_models
from daybook.gateway.providers.service import load_configs
from daybook.gateway.providers.vault import Vault
from daybook.kit.clock import now
from daybook.kit.errors import DaybookError
from daybook.kit.process import require_database
from daybook.launcher.credentials import Credentials, read_credentials, write_credentials
from daybook.launcher.startup_summary import StartupSummary
from daybook.settings import Settings, settings


async def prepare(settings: Settings, url: str) -> StartupSummary:
    """Migrate the database, create the first administrator, set up the local models, and summarize the result.

    `url` is the future address of the server. The first credentials are written to the file before they are committed:
    uncommitted ones are overwritten at the next start, but committed ones without a file would be lost.
    """
    database_url = require_database(settings.database_url)
    await upgrade_async(database_url)
    database = Database.connect(database_url, pool=2)
    try:
        async with database.write() as session:
            made = await first_run(session)
            if made is not None:
                write_credentials(settings.data, Credentials(url, made.account, made.password, made.code))
        vault = Vault.of(settings)
        await seed_local_models(database, vault, settings)
        async with database.read() as session:
            return await summarize(session, vault, read_credentials(settings.data))
    finally:
        await database.close()


async def summarize(session: ReadSession, vault: Vault, kept: Credentials | None) -> StartupSummary:
    """Check which of the `kept` credentials are still valid, and find the first model that their code may call.

    Neither the gateway nor a provider is called: the first line in the ledger is the user's, and providers may be slow.
    Only models that a configuration names in full count.
    """
    if kept is None:
        return StartupSummary()
    is_current = await password_holds(session, kept.account, kept.password)
    key = code_hash(kept.activation_code)
    grant = None if key is None else await find_code(session, key)
    if grant is None or grant.revoked or (grant.expires_at is not None and grant.expires_at <= now()):
        return StartupSummary(password_holds=is_current, code_holds=False)
    model, provider = await _first_model(session, vault, grant)
    return StartupSummary(password_holds=is_current, model=model, provider=provider)


async def _first_model(session: ReadSession, vault: Vault, grant: CodeGrant) -> tuple[str | None, str | None]:
    providers = await load_configs(session, vault)
    for provider in providers:
        for model in () if provider.key_unreadable else provider.exact_models:
            if grant.models is None or any(matches(allowed, model) for allowed in grant.models):
                return model, provider.name
    return None, providers[0].name if providers else None


def main() -> int:
    """Prepare the database and print the summary."""
    try:
        summary = asyncio.run(prepare(settings(), sys.argv[1]))
    except DaybookError as error:
        return _failed(error.message)
    except (OSError, TimeoutError) as error:
        return _failed(DatabaseUnavailable(str(error)).message)
    except DBAPIError as error:
        return _failed(
            f"The database refuses: {str(error.orig).partition('>: ')[2] or type(error.orig).__name__}"
        )
    print(summary.to_line())  # noqa: T201  (`daybook run` reads it)
    return 0


def _failed(words: str) -> int:
    print(words, file=sys.stderr)  # noqa: T201  (`daybook run` shows it)
    return 1


if __name__ == "__main__":
    sys.exit(main())
