"""The API as a program uses it: JSON in, status and JSON out."""

from typing import Any

import httpx2


class Api:
    """Calls of one browser."""

    def __init__(self, browser: httpx2.AsyncClient) -> None:
        self.browser = browser

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        """Status and JSON (None for an empty answer)."""
        answer = await self.browser.request(method, path, json=body, params=query)
        return answer.status_code, answer.json() if answer.content else None

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON of an answer that has to be 200."""
        status, body = await self.call("GET", path, **query)
        assert status == 200, body
        return body
