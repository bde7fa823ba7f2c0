"""An administrator brings in a provider, tries it, and makes a code; a call with it is in the explorer as it was."""

import asyncio
import json
import re
import time

import openai
import pytest
from playwright.async_api import expect

from support.gateway.upstream import Reply
from support.sources.messages import LANGUAGES, Words

words = Words("zh-Hant")
KEY = "sk-test-4c1f0a7e2b"
MODEL = "house-small-1"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1767225600,
    "model": MODEL,
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "It is raining."}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 1234, "completion_tokens": 56, "total_tokens": 1290},
}


async def test_a_key_is_set_and_tried_and_a_call_through_it_is_in_the_ledger(
    visits, newcomer, office, provider, installation
):
    administrator = await newcomer("chief", "admin", language="zh-Hant")
    page = await visits.open(administrator, language="zh-Hant", path="/admin/providers")
    name = f"house-{time.time_ns() % 10**6}"
    await add_provider(page, name, provider.url + "/v1")
    card = page.get_by_role("region", name=name)
    await expect(card.get_by_text(words("providers.key.set"))).to_be_visible()

    place = provider.url.partition("//")[2]
    provider.reply(Reply(status=401, body={"error": {"message": f"bad key {KEY}"}}))
    await card.get_by_role("button", name=words("providers.test")).click()
    await expect(card.get_by_role("alert")).to_contain_text(
        words("providers.probe.key_refused", place=place, status=401)
    )
    provider.reply(Reply(body={"object": "list", "data": [{"id": MODEL, "object": "model"}]}))
    await card.get_by_role("button", name=words("providers.test")).click()
    await expect(card.get_by_role("status")).to_contain_text(
        words("providers.probe.key_accepted", place=place, count=1)
    )
    assert provider.received[-1].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in await page.content()

    code = await make_code(page)
    provider.reply(Reply(body=ANSWER))
    async with openai.AsyncOpenAI(base_url=f"{installation.url}/v1", api_key=code, max_retries=0) as client:
        answer = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "How is the weather?"}], temperature=0.25
        )
    assert answer.choices[0].message.content == "It is raining."
    await in_the_ledger(office)

    await page.get_by_role("link", name=words("calls.title")).click()
    await page.get_by_role("listitem").filter(has_text=MODEL).get_by_role("link").click()
    said = page.get_by_role("region", name=words("call.exchange"))
    await expect(said).to_contain_text("How is the weather?")
    await expect(said).to_contain_text("It is raining.")
    line = page.get_by_role("region", name=words("call.line"))
    await expect(line).to_contain_text("1,234")
    await expect(line).to_contain_text("1,290")
    await said.get_by_role("button", name=words("call.raw")).click()
    parts = [json.loads(text) for text in await said.locator("pre").all_inner_texts()]
    assert parts[0] == [{"role": "user", "content": "How is the weather?"}]
    assert parts[1]["temperature"] == 0.25
    assert parts[2]["choices"] == ANSWER["choices"]
    assert code not in await page.content()
    assert KEY not in await page.content()


async def test_a_provider_without_a_text_is_shown_and_configured(visits, newcomer):
    page = await visits.open(await newcomer("chief", "admin"), language="zh-Hant")
    cloud = {"name": "new_cloud", "label": "New Cloud", "default_base_url": None}
    config = {
        "id": 1,
        "name": "sky",
        "provider": "new_cloud",
        "base_url": "https://sky.test",
        "models": ["*"],
        "priority": 100,
        "weight": 1,
        "enabled": True,
        "has_key": True,
        "key_unreadable": False,
        "supported": True,
        "settings": {},
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    old = {**config, "id": 2, "name": "past", "provider": "old_cloud", "supported": False}
    await page.route("**/api/v1/admin/providers", lambda route: route.fulfill(json=[cloud]))
    await page.route("**/api/v1/admin/llm-configs", lambda route: route.fulfill(json=[config, old]))
    await page.goto("/admin/providers")
    await expect(page.get_by_role("region", name="sky")).to_contain_text("New Cloud")
    await expect(page.get_by_role("region", name="past")).to_contain_text(words("providers.unsupported"))

    await page.get_by_role("button", name=words("providers.add")).first.click()
    form = page.get_by_role("dialog", name=words("providers.add"))
    await expect(form.get_by_label(words("providers.kind")).locator("option:checked")).to_have_text(
        "New Cloud"
    )
    await expect(form.get_by_label(words("providers.base_url"))).to_have_attribute("required", "")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_where_there_is_no_code_the_page_says_what_to_do_and_does_it(visits, newcomer, language):
    told = Words(language)
    page = await visits.open(await newcomer("chief", "admin"), language=language, phone=True)
    # Every installation is given a first code, and none is ever removed.
    none = {"list": [], "page": 1, "page_size": 50, "total": 0, "has_more": False}
    await page.route("**/api/v1/admin/codes?*", lambda route: route.fulfill(json=none))
    await page.goto("/admin/access?part=codes")
    await makes_one(page, told, told("access.codes.empty.all"))

    page = await visits.open(await newcomer("ana"), language=language, phone=True, path="/settings")
    await makes_one(page, told, told("access.codes.empty.own"))


async def makes_one(page, told, text):
    """What stands where no code is leads to the form for one."""
    empty = page.get_by_role("region", name=re.compile(".")).filter(has_text=told("access.codes.empty"))
    await expect(empty.get_by_text(text)).to_be_visible()
    await empty.get_by_role("button", name=told("access.codes.add")).last.click()
    await expect(page.get_by_role("dialog", name=told("access.codes.add"))).to_be_visible()


async def add_provider(page, name, url):
    await page.get_by_role("button", name=words("providers.add")).first.click()
    form = page.get_by_role("dialog", name=words("providers.add"))
    await form.get_by_label(words("providers.kind")).select_option("openai_compatible")
    await form.get_by_label(words("providers.name"), exact=True).fill(name)
    await form.get_by_label(words("providers.key")).fill(KEY)
    await form.get_by_label(words("providers.base_url")).fill(url)
    await form.get_by_label(words("providers.models")).fill("house-*")
    await form.get_by_role("button", name=words("common.save")).click()
    await expect(form).to_have_count(0)


async def make_code(page):
    """A code made on the pages, as it is shown this once."""
    await page.get_by_role("link", name=words("access.title")).click()
    await page.get_by_role("main").get_by_role("link", name=words("access.codes")).click()
    await page.get_by_role("button", name=words("access.codes.add")).click()
    form = page.get_by_role("dialog", name=words("access.codes.add"))
    await form.get_by_label(words("access.name"), exact=True).fill("weather station")
    await form.get_by_label(words("access.group"), exact=True).select_option(index=0)
    await form.get_by_role("button", name=words("common.save")).click()
    shown = page.get_by_role("status").filter(has_text=words("access.once"))
    code = await shown.locator("code").inner_text()
    await shown.get_by_role("button", name=words("access.once.done")).click()
    await expect(page.get_by_role("row").filter(has_text="weather station")).to_be_visible()
    return code


async def in_the_ledger(office):
    async with asyncio.timeout(30):
        while True:
            answer = await office.get("/api/v1/admin/llm/call-logs", params={"model": MODEL})
            if answer.json()["total"]:
                return
            await asyncio.sleep(0.2)
