"""Every table of Daybook in one place, for Alembic and for checks."""

from daybook.accounts import models as accounts
from daybook.db.base import Base
from daybook.gateway import models as gateway
from daybook.ledger import models as ledger

__all__ = ["Base", "accounts", "gateway", "ledger", "metadata"]

metadata = Base.metadata
