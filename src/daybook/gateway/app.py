"""The gateway: a plain ASGI application that every call of a caller's program passes.

A call with a valid activation code leaves a call log whatever happens, and one line if it was sent to a model.
"""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from daybook.gateway.apis.table import PREFIXES, family_of, route_of
from daybook.gateway.call.authentication import Codes, shown_code
from daybook.gateway.call.body import DisconnectSignal, Receive
from daybook.gateway.call.pipeline import Call
from daybook.gateway.call.resources import GatewayResources
from daybook.gateway.call.responses import Send, send_refusal
from daybook.gateway.errors import Refusal
from daybook.gateway.exchange import Exchange


class Gateway:
    """The gateway of one process."""

    def __init__(self, codes: Codes, resources: GatewayResources) -> None:
        self._codes = codes
        self._resources = resources

    @staticmethod
    def is_for(path: str) -> bool:
        """Return True if `path` belongs to the gateway."""
        return path.startswith(PREFIXES)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request. The listener (`web.protocol`) adds a `DisconnectSignal` to the scope's extensions."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        raw_query: bytes = scope["query_string"]
        query = dict(parse_qsl(raw_query.decode("latin-1"))) if raw_query else {}
        path: str = scope["path"]
        route = route_of(scope["method"], path, family_of(headers, query))
        try:
            grant = await self._codes.grant(shown_code(headers, query))
        except Refusal as refusal:
            await send_refusal(send, route.family, refusal)
            return
        exchange = Exchange(grant=grant, route=route, path=path[:1000], headers=headers, query=query)
        disconnect = scope.get("extensions", {}).get("daybook.disconnect") or DisconnectSignal()
        await Call(self._resources, exchange, disconnect, receive, send).run()
