"""From nothing to a first recorded call: the page's program is run as it stands."""

import asyncio
import re
import sys

import pytest
from playwright.async_api import expect

from support.gateway.upstream import Reply
from support.sources.messages import Words

words = Words("en")
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello!"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9},
}


@pytest.mark.parametrize(("library", "phone"), [("OpenAI", False), ("Anthropic", True)])
async def test_the_program_that_is_shown_runs_and_the_page_tells_when_its_call_is_in_the_ledger(
    visits, newcomer, library, phone
):
    page = await visits.open(await newcomer("ana"), phone=phone, path="/start")
    await page.get_by_role("navigation", name=words("start.sdk")).get_by_role("link", name=library).click()
    program = page.locator("pre code")
    await expect(program).to_contain_text(words("start.code.placeholder"))
    works = page.get_by_text(words("start.model.demo", model="daybook-demo"))
    await expect(
        page.get_by_text(words("start.code.first", placeholder=words("start.code.placeholder")))
    ).to_be_visible()
    await expect(works).to_have_count(0)

    await page.get_by_role("button", name=words("start.code.make")).click()
    await expect(page.get_by_text(words("access.once"))).to_be_visible()
    await expect(program).not_to_contain_text(words("start.code.placeholder"))
    await expect(works).to_be_visible()
    await expect(
        page.get_by_text(words("start.code.first", placeholder=words("start.code.placeholder")))
    ).to_have_count(0)
    await expect(page.get_by_text(words("start.call.waiting"))).to_be_visible()
    assert (await run(await program.inner_text())).strip()

    await expect(page.get_by_text(words("start.call.done"))).to_be_visible()
    await page.get_by_role("link", name=words("start.call.usage")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(words("usage.title"))
    calls = page.get_by_role("term").filter(has_text=words("usage.calls")).locator("xpath=..")
    await expect(calls.get_by_role("definition")).to_have_text("1")


async def test_a_program_that_nobody_can_answer_says_what_it_needs_and_works_when_that_is_there(
    visits, newcomer, office, provider
):
    page = await visits.open(await newcomer("ana"), path="/start")
    libraries = page.get_by_role("navigation", name=words("start.sdk"))
    await expect(
        libraries.get_by_role("link", name=words("start.sdk.needs_provider", name="Gemini"))
    ).to_be_visible()
    await expect(libraries.get_by_role("link", name=re.compile(r"OpenAI$|Anthropic$"))).to_have_count(2)
    await libraries.get_by_role("link", name="Gemini").click()
    await expect(page.get_by_text(words("start.needs_provider.ask"))).to_be_visible()
    assert "daybook-demo" not in await page.locator("pre code").inner_text()

    config = {"name": "google", "provider": "gemini", "base_url": provider.url, "api_key": "key-of-a-test"}
    added = await office.post("/api/v1/admin/llm-configs", json={**config, "models": ["gemini-*"]})
    assert added.status_code == 201, added.text
    provider.reply(Reply(body=GEMINI))
    try:
        await page.reload()
        await expect(libraries.get_by_role("link", name="Gemini", exact=True)).to_be_visible()
        await expect(page.get_by_text(words("start.needs_provider.ask"))).to_have_count(0)
        await page.get_by_role("button", name=words("start.code.make")).click()
        await expect(page.get_by_text(words("start.call.waiting"))).to_be_visible()
        assert await run(await page.locator("pre code").inner_text()) == "Hello!\n"
        await expect(page.get_by_text(words("start.call.done"))).to_be_visible()
    finally:
        await office.delete(f"/api/v1/admin/llm-configs/{added.json()['id']}")


async def run(program):
    """What a program prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return said.decode()
