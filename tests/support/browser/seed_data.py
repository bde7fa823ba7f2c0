"""An installation with data in it: a day and its page, a video, calls, a budget, a provider. All of it comes in as it
does from people: through the API.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import openai

from support.browser.addresses import Things
from support.browser.sessions import noon_zone
from support.lifelog.tus import Tus

_ENDED = {"success", "failed", "cancelled"}
_KEY = "sk-made-up-for-a-picture"


async def furnish(
    client: httpx2.AsyncClient,
    code: str,
    video: bytes,
    *,
    language: str = "en",
    events: int = 8,
    zone: str | None = None,
    bring: Callable[[date], Awaitable[None]] | None = None,
) -> Things:
    """Seed the installation for the administrator `client`. With fewer `events` the demo model is done sooner; `bring`
    brings more into the sample day before its page is written.
    """
    zone = zone or noon_zone()
    await ok(client.patch("/api/v1/me", json={"timezone": zone, "settings": {"language": language}}))
    today = datetime.now(ZoneInfo(zone)).date()
    await ok(client.put(f"/api/v1/sample-days/{today}"))
    if bring:
        await bring(today)
    await _merge(client, str(today), events)
    asked = await ok(client.post(f"/api/v1/diary/{today}/generation", json={"force_refresh": False}))
    for days in (2, 3, 5):
        await ok(client.put(f"/api/v1/sample-days/{today - timedelta(days=days)}"))
    stamp = datetime.now(UTC) - timedelta(days=1)
    uploaded = await Tus(client).upload(video, filename=f"VID_{stamp:%Y%m%d_%H%M%S}.mp4")
    recording = uploaded.headers["x-daybook-recording"]
    await _provide(client)
    await _limit(client)
    call = await _call(client, code)
    await _until_ended(client, asked["job_id"])
    await until_processed(client, recording)
    return Things(recording, call)


async def _merge(client: httpx2.AsyncClient, day: str, events: int) -> None:
    found = (await ok(client.get("/api/v1/events", params={"day": day, "page_size": 200})))["list"]
    if len(found) > events:
        merged = [event["id"] for event in found[events - 1 :]]
        await ok(client.post("/api/v1/events/merger", json={"event_ids": merged}))


async def _provide(client: httpx2.AsyncClient) -> None:
    config = {"name": "openai-main", "provider": "openai", "api_key": _KEY, "models": ["gpt-*", "o3"]}
    await ok(client.post("/api/v1/admin/llm-configs", json=config))


async def _limit(client: httpx2.AsyncClient) -> None:
    me = await ok(client.get("/api/v1/me"))
    budget = {
        "subject": "user",
        "subject_id": me["id"],
        "period": "month",
        "unit": "tokens",
        "limit": "2000000",
    }
    await ok(client.put("/api/v1/admin/budgets", json={**budget, "hard": False}))


async def _call(client: httpx2.AsyncClient, code: str) -> str:
    """Some calls through the gateway, one of a model that is not there; the id of a good one in the explorer."""
    address = f"{str(client.base_url).rstrip('/')}/v1"
    async with openai.AsyncOpenAI(base_url=address, api_key=code, max_retries=0) as program:
        for question in ("Say hello in one short sentence.", "Name three colours.", "Count to five."):
            messages: Any = [{"role": "user", "content": question}]
            await program.chat.completions.create(model="daybook-demo", messages=messages, max_tokens=24)
        with contextlib.suppress(openai.NotFoundError):
            await program.chat.completions.create(model="not-there", messages=messages)
    async with asyncio.timeout(60):
        while True:
            query = {"model": "daybook-demo", "status": "success"}
            found = await ok(client.get("/api/v1/admin/llm/call-logs", params=query))
            named = [call for call in found["list"] if call["activation_code"]]
            if len(named) >= 3:
                return str(named[0]["id"])
            await asyncio.sleep(0.3)


async def _until_ended(client: httpx2.AsyncClient, job: str) -> None:
    async with asyncio.timeout(300):
        while (await ok(client.get(f"/api/v1/jobs/{job}")))["status"] not in _ENDED:
            await asyncio.sleep(0.5)


async def until_processed(client: httpx2.AsyncClient, recording: str) -> None:
    """Wait until nothing is done with the recording any more."""
    async with asyncio.timeout(300):
        while True:
            found = await ok(client.get(f"/api/v1/recordings/{recording}"))
            jobs = [job for file in found["files"] for job in (file["processing"], file["extraction"]) if job]
            if found["is_processed"] and all(job["status"] in _ENDED for job in jobs):
                return
            await asyncio.sleep(0.5)


async def ok(answering: Any) -> Any:
    """What was answered, if all went well."""
    answer = await answering
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer.json() if answer.content else None
