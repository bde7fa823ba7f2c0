"""One who calls models through a gateway with a code of their own, and what the ledger say of them alone."""

import asyncio
from typing import Any

from support.gateway.recorded import Buckets
from support.gateway.served import Gateway


class Caller:
    """A caller. `url` and `code` are all that an SDK is given."""

    def __init__(self, gateway: Gateway, code: str, public_id: str) -> None:
        self.gateway = gateway
        self.url = gateway.url
        self.code = code
        self._public_id = public_id

    @classmethod
    async def new(cls, gateway: Gateway, **limits: Any) -> "Caller":
        """A caller with a new code."""
        code = await gateway.add_code(**limits)
        (row,) = await gateway.rows("SELECT public_id FROM activation_codes ORDER BY id DESC LIMIT 1")
        return cls(gateway, code, row["public_id"])

    async def lines(self, count: int) -> list[dict[str, Any]]:
        """The lines of this caller, of which there have to be `count`."""
        return await self._all("SELECT * FROM llm_tracker_usage WHERE code = :mine ORDER BY id", count)

    async def logs(self, count: int) -> list[dict[str, Any]]:
        """The call logs of this caller, of which there have to be `count`."""
        return await self._all("SELECT * FROM llm_call_logs WHERE activation_code = :mine ORDER BY id", count)

    async def one(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Line and log of the only call."""
        (log,), (line,) = await self.logs(1), await self.lines(1)
        assert log["usage_id"] == line["id"]
        return line, log

    async def tokens(self) -> Buckets:
        """The tokens of the only call, which has succeeded and was not estimated."""
        line, log = await self.one()
        assert (line["success"], line["is_estimated"], log["status"]) == (True, False, "success")
        return Buckets.of(line)

    async def _all(self, query: str, count: int) -> list[dict[str, Any]]:
        for _ in range(200):
            rows = await self.gateway.rows(query, mine=self._public_id)
            if len(rows) >= count:
                break
            await asyncio.sleep(0.025)
        assert len(rows) == count, rows
        return rows
