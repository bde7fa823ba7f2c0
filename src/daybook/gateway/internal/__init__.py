"""Internal calls: Daybook's own model calls (diary, vision, later titles and the assistant).

They pass the same stages as a caller's (routing, limits, journal, attempts) and leave one line and one call log each.
They have no activation code and no HTTP.

    async with open_internal_client(settings, database, database_url) as internal_client:
        choice = await internal_client.choice("diary", user.settings)
        response = await internal_client.call(InternalRequest(...), step=(job_id, "write"))
"""

from daybook.gateway.internal.client import InternalClient, open_internal_client
from daybook.gateway.internal.errors import is_lasting
from daybook.gateway.internal.estimate import CallEstimate, estimate_call
from daybook.gateway.internal.requests import InternalRequest, InternalResponse, Model, ModelChoice, Purpose

__all__ = [
    "CallEstimate",
    "InternalClient",
    "InternalRequest",
    "InternalResponse",
    "Model",
    "ModelChoice",
    "Purpose",
    "estimate_call",
    "is_lasting",
    "open_internal_client",
]
