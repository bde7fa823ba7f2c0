"""Requests and tokens per minute of each code: what was used in the 60 seconds before now."""

import time
from collections import deque
from dataclasses import dataclass, field
from math import ceil

from daybook.accounts.service import CodeGrant
from daybook.gateway.errors import Refusal

MINUTE = 60.0


@dataclass(slots=True)
class _Window:
    """Amounts with the time at which they were used, and their sum."""

    used: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0

    def add(self, moment: float, amount: int) -> None:
        self.used.append((moment, amount))
        self.total += amount

    def expire(self, moment: float) -> None:
        while self.used and self.used[0][0] <= moment - MINUTE:
            self.total -= self.used.popleft()[1]

    def wait(self, moment: float, limit: int) -> float:
        """Seconds until the sum is below `limit`."""
        total = self.total
        for used_at, amount in self.used:
            total -= amount
            if total < limit:
                return used_at + MINUTE - moment
        return MINUTE


class MinuteLimits:
    """The windows of every code that has limits. In the memory of this process."""

    def __init__(self) -> None:
        self._requests: dict[int, _Window] = {}
        self._tokens: dict[int, _Window] = {}

    def admit(self, grant: CodeGrant) -> None:
        """Count one request of `grant`. Raises `Refusal` (429) with the seconds to wait when a limit is
        reached.
        """
        moment = time.monotonic()
        if grant.tokens_per_minute is not None:
            tokens = self._tokens.setdefault(grant.id, _Window())
            tokens.expire(moment)
            if tokens.total >= grant.tokens_per_minute:
                self._refuse("tokens", grant.tokens_per_minute, tokens.wait(moment, grant.tokens_per_minute))
        if grant.requests_per_minute is not None:
            requests = self._requests.setdefault(grant.id, _Window())
            requests.expire(moment)
            if requests.total >= grant.requests_per_minute:
                self._refuse(
                    "requests", grant.requests_per_minute, requests.wait(moment, grant.requests_per_minute)
                )
            requests.add(moment, 1)

    def spend(self, grant: CodeGrant, tokens: int) -> None:
        """Count the tokens of a call that has ended."""
        if grant.tokens_per_minute is not None and tokens > 0:
            window = self._tokens.setdefault(grant.id, _Window())
            window.expire(time.monotonic())
            window.add(time.monotonic(), tokens)

    @staticmethod
    def _refuse(what: str, limit: int, wait: float) -> None:
        raise Refusal(
            429,
            f"{what}_per_minute",
            f"This code may use {limit} {what} per minute, all used. Try again in {max(ceil(wait), 1)} s.",
            retry_after=wait,
        )
