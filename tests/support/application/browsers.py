"""People at the application's API, each with cookies of their own, as a browser has."""

from contextlib import AsyncExitStack

import httpx2
from fastapi import FastAPI

ADDRESS = "http://daybook.test"


class Browsers:
    """Opens clients of `app`; those that it opened are closed together."""

    def __init__(self, app: FastAPI, clients: AsyncExitStack) -> None:
        self.app = app
        self.clients = clients

    async def open(self, address: str = "192.0.2.1") -> httpx2.AsyncClient:
        """A browser in which nobody is signed in, at the network `address`."""
        transport = httpx2.ASGITransport(self.app, client=(address, 40000))
        return await self.clients.enter_async_context(
            httpx2.AsyncClient(transport=transport, base_url=ADDRESS)
        )

    async def sign_in(self, account: str, password: str) -> httpx2.AsyncClient:
        """A browser in which `account` is signed in."""
        browser = await self.open()
        answer = await browser.post("/api/v1/session", json={"account": account, "password": password})
        assert answer.status_code == 200, answer.text
        return browser
