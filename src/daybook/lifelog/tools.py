"""What the work of the lifelog's jobs needs: the worker opens it once and hands it to every part's `job_types`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daybook.db.engine import Database
from daybook.settings import Settings

if TYPE_CHECKING:
    from daybook.gateway.house import House
    from daybook.storage.service import Store


@dataclass(frozen=True, slots=True)
class Tools:
    """The database, the file store, the door to models, and the settings."""

    database: Database
    store: "Store"
    house: "House"
    settings: Settings
