"""From a call's targets to the first byte of its answer, for callers and for internal calls alike.

Nothing is sent before the limits are held and the call is in the journal.
"""

import time
from collections.abc import Sequence

from daybook.gateway.apis.api import Api
from daybook.gateway.call.attempts import StreamedResponse, WholeResponse, record_response, try_targets
from daybook.gateway.call.body import DisconnectSignal
from daybook.gateway.call.limits import hold
from daybook.gateway.call.resources import GatewayResources
from daybook.gateway.exchange import Exchange
from daybook.gateway.providers.config import Target


async def dispatch(
    resources: GatewayResources,
    exchange: Exchange,
    api: Api,
    targets: Sequence[Target],
    disconnect: DisconnectSignal,
) -> WholeResponse | StreamedResponse:
    """Send the call and return its answer, recorded if it is whole. Raises `Refusal` if no target answers."""
    await hold(resources, exchange, api, targets)
    exchange.target = targets[0]
    await resources.recorder.open(exchange)
    response = await try_targets(resources.pool, exchange, api, targets, disconnect)
    exchange.first_byte = time.perf_counter()
    if isinstance(response, WholeResponse):
        record_response(exchange, response)
    return response
