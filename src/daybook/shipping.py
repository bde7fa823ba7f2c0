"""`daybook ship`: moves the journals of this host into the ledger. One process works; others wait for its end."""

import logging
import time

from daybook.db.engine import Database, asyncpg_dsn
from daybook.gateway.recording.journal_records import call_record
from daybook.gateway.recording.ledger_entries import entry_of
from daybook.kit.garbage_collection import tune_garbage_collection
from daybook.kit.process import on_stop_signal, require_database, run_process
from daybook.ledger.entries import Entry
from daybook.ledger.idempotency import IdempotencyStore
from daybook.ledger.prices import PriceTable
from daybook.ledger.shipper import JournaledCall, Shipper, ShippingStopped
from daybook.ledger.writer import LedgerWriter
from daybook.settings import Settings

log = logging.getLogger(__name__)

_FRESH = 1.0  # seconds between reads of the prices


class Accountant:
    """Builds the rows of calls, with the current prices."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prices = PriceTable()
        self._read = float("-inf")

    async def refresh(self) -> None:
        """Read the prices again if they are old. While the database is unavailable, the last ones are used."""
        if time.monotonic() - self._read < _FRESH:
            return
        try:
            async with self._database.read() as session:
                self._prices = await PriceTable.load(session)
            self._read = time.monotonic()
        except Exception as problem:  # noqa: BLE001  (calls must be recorded in any case)
            log.warning("Prices could not be read again: %s", type(problem).__name__)

    def entry(self, call: JournaledCall) -> Entry:
        """The rows of `call`. An unreadable payload is left out, never the call."""
        try:
            return entry_of(call_record(call), self._prices)
        except Exception:
            log.exception("The payload of call %s is unreadable and left out.", call.id)
            record = call_record(call)
            record.request, record.caller_metadata, record.answer = None, None, b""
            return entry_of(record, self._prices)


def shipper_of(settings: Settings, database: Database, database_url: str) -> Shipper:
    """The shipper of this host's journals."""
    accountant = Accountant(database)
    writer = LedgerWriter(asyncpg_dsn(database_url), settings.data / "quarantine")
    repeats = IdempotencyStore(database)

    async def bury(owner: str) -> None:
        await writer.release(owner)
        await repeats.abandon_all_of(owner)

    return Shipper(settings.data / "journal", writer, accountant.entry, prepare=accountant.refresh, bury=bury)


async def ship(settings: Settings) -> None:
    """Ship until SIGINT or SIGTERM, and then what the journals still hold.

    Raises `Unavailable` if no database is configured.
    """
    url = require_database(settings.database_url)
    database = Database.connect(url, pool=2)
    shipper = shipper_of(settings, database, url)
    on_stop_signal(shipper.stop)
    tune_garbage_collection()
    try:
        await shipper.run()
    except ShippingStopped as problem:
        log.warning("%s", problem)
    finally:
        await database.close()


def run(settings: Settings) -> None:
    """Ship in this process until SIGINT or SIGTERM."""
    run_process(settings.log_level, ship(settings))
