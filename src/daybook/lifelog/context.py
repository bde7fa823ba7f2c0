"""What the work of the lifelog needs: made once by each process, and handed to those who do it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daybook.db.engine import Database
from daybook.settings import Settings

if TYPE_CHECKING:
    from daybook.gateway.internal import InternalClient
    from daybook.storage.service import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every process has: the database, the file store and the settings. Files are taken in with these."""

    database: Database
    store: "Store"
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerServices(Services):
    """What the worker has: the gateway to models as well. Jobs are done with these."""

    internal_client: "InternalClient"
