"""Every table of Daybook, for Alembic and for checks."""

from daybook.accounts import models as accounts
from daybook.assistant import models as assistant
from daybook.db.base import Base
from daybook.gateway.providers import models as gateway
from daybook.jobs import models as jobs
from daybook.ledger import models as ledger
from daybook.ledger.budgets import models as budgets
from daybook.ledger.outbox import models as outbox
from daybook.ledger.rollups import models as rollups
from daybook.ledger.verification import models as verification
from daybook.lifelog.diary import models as diary
from daybook.lifelog.events import models as events
from daybook.lifelog.recordings import models as recordings
from daybook.lifelog.uploads import models as uploads

__all__ = [
    "Base",
    "accounts",
    "assistant",
    "budgets",
    "diary",
    "events",
    "gateway",
    "jobs",
    "ledger",
    "metadata",
    "outbox",
    "recordings",
    "rollups",
    "uploads",
    "verification",
]

metadata = Base.metadata
