"""People who look at the pages: each has an account, each visit a browser window of its own, and whatever the browser
complains of during a visit is kept.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
from playwright.async_api import Browser, BrowserContext, Page, Response

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
LOCALES = {"en": "en-GB", "zh-Hant": "zh-TW", "zh-Hans": "zh-CN"}

_EXPECTED = (r"status of 401 .*/api/v1/me$",)
"""The first question of every visit: is somebody signed in?"""


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    account: str
    password: str = field(repr=False)

    @property
    def sign_in(self) -> dict[str, str]:
        return {"account": self.account, "password": self.password}


def noon_zone() -> str:
    """A timezone in which it is about noon, so that no test sees midnight."""
    east = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-east:+d}" if east else "Etc/GMT"


@asynccontextmanager
async def client_of(url: str, person: Person) -> AsyncIterator[httpx2.AsyncClient]:
    """The person at the API."""
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        answer = await client.post("/api/v1/session", json=person.sign_in)
        assert answer.status_code == 200, answer.text
        yield client


async def add_person(
    administrator: httpx2.AsyncClient, name: str, role: str = "user", **settings: Any
) -> Person:
    """A new account, with a day that is far from its ends."""
    person = Person(f"{name}-{uuid4().hex[:6]}", "correct horse battery")
    body = {**person.sign_in, "role": role, "timezone": noon_zone(), "settings": settings or None}
    answer = await administrator.post("/api/v1/admin/users", json=body)
    assert answer.status_code == 201, answer.text
    return person


class Visits:
    """Opens windows; `close` ends them and tells what the browser complained of."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.complaints: list[str] = []
        self.expected: list[str] = list(_EXPECTED)
        self._contexts: list[BrowserContext] = []

    async def open(
        self,
        person: Person | None = None,
        *,
        language: str = "en",
        phone: bool = False,
        scheme: str = "light",
        path: str = "/",
    ) -> Page:
        """A window at `path`, in which `person` has signed in before."""
        context = await self.browser.new_context(
            base_url=self.url,
            viewport=PHONE if phone else DESKTOP,
            is_mobile=phone,
            has_touch=phone,
            locale=LOCALES[language],
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        self._contexts.append(context)
        self._listen(context)
        if person is not None:
            answer = await context.request.post("/api/v1/session", data=person.sign_in)
            assert answer.ok, await answer.text()
        page = await context.new_page()
        await page.goto(path)
        return page

    def expect(self, *patterns: str) -> None:
        """Complaints that belong to what the test does."""
        self.expected.extend(patterns)

    async def close(self) -> Sequence[str]:
        """End everything; the complaints that were not expected."""
        for context in self._contexts:
            await context.close()
        return [said for said in self.complaints if not any(re.search(one, said) for one in self.expected)]

    def _listen(self, context: BrowserContext) -> None:
        def look_at(response: Response) -> None:
            if response.status >= 500:
                self.complaints.append(f"{response.status} {response.request.method} {response.url}")

        context.on("response", look_at)
        context.on("weberror", lambda error: self.complaints.append(f"not caught: {error.error}"))
        context.on(
            "console",
            lambda message: (
                self.complaints.append(f"{message.text} {message.location.get('url', '')}".strip())
                if message.type == "error"
                else None
            ),
        )
