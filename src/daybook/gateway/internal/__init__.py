"""Internal calls: Daybook's own model calls (diary, vision, later titles and the assistant).

They go the way of everybody's: the same choice of provider with retries and fallback, the same budgets, held before and
settled after, the same journal, and so one line and one call log each. Only the activation code is missing.

    async with open_internal_client(settings, database, database_url) as internal_client:
        model = await internal_client.model_for("diary", user.settings)
        answer = await internal_client.call(Ask(...), step=(job_id, "write"))
"""

from daybook.gateway.internal.client import InternalClient, open_internal_client
from daybook.gateway.internal.errors import is_lasting
from daybook.gateway.internal.estimate import CallEstimate, estimate_call
from daybook.gateway.internal.requests import Answer, Ask, Choice, Model, Purpose

__all__ = [
    "Answer",
    "Ask",
    "CallEstimate",
    "Choice",
    "InternalClient",
    "Model",
    "Purpose",
    "estimate_call",
    "is_lasting",
    "open_internal_client",
]
