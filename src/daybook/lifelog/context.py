"""Process-wide resources of the lifelog, created once per process."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daybook.db.engine import Database
from daybook.settings import Settings

if TYPE_CHECKING:
    from daybook.gateway.internal import InternalClient
    from daybook.storage.service import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Resources of every process: database, file store and settings."""

    database: Database
    store: "Store"
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerServices(Services):
    """Resources of the worker, which also makes internal calls."""

    internal_client: "InternalClient"
