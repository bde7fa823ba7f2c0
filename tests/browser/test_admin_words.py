"""What administrators see is in words: of videos, people, sources and providers."""

import asyncio
import re

from playwright.async_api import expect

from support.browser.sessions import client_of
from support.gateway.upstream import Reply
from support.sources.messages import Words
from support.videos.made import Videos

words = Words("zh-Hant")
SHIPPED = 30  # seconds until a call is in the ledger on a busy machine


async def test_a_job_names_its_video_and_whose_it_is(visits, newcomer, tmp_path):
    person = await newcomer("ana")
    video = Videos(tmp_path).make("garden.mp4", "-metadata", "comment=job")
    window = await visits.open(person, path="/recordings")
    async with window.expect_file_chooser() as chooser:
        await window.get_by_role("button", name=Words("en")("upload.choose"), exact=True).click()
    await (await chooser.value).set_files(video)
    await window.get_by_role("main").get_by_role("link", name=video.name).first.click()

    chief = await newcomer("chief", "admin", language="zh-Hant")
    page = await visits.open(chief, language="zh-Hant", path="/admin/jobs")
    row = (
        page.get_by_role("row")
        .filter(has_text=person.account)
        .filter(has_text=words("jobs.type.recording_processing"))
    )
    await expect(row.get_by_role("cell", name="garden.mp4")).to_be_visible()
    await expect(page.get_by_role("cell", name=re.compile(r"[0-9a-f-]{36}"))).to_have_count(0)


async def test_sources_and_numbers_are_the_readers_own_and_estimates_are_marked(
    visits, newcomer, office, provider
):
    chief = await newcomer("chief", "admin", language="zh-Hant")
    name = f"counted-{chief.account}"
    config = {
        "name": name,
        "provider": "openai_compatible",
        "base_url": provider.url,
        "api_key": "key-of-a-test",
    }
    added = await office.post("/api/v1/admin/llm-configs", json={**config, "models": [name]})
    assert added.status_code == 201, added.text
    provider.reply(
        Reply(
            body={
                "object": "chat.completion",
                "model": name,
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}}],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 26, "total_tokens": 1026},
            }
        )
    )
    page = await visits.open(chief, language="zh-Hant", path="/admin/providers")
    card = page.get_by_role("region", name=name)
    await expect(card).to_contain_text(words("providers.kind.openai_compatible"))
    await expect(card).not_to_contain_text("openai_compatible")
    try:
        async with client_of(visits.url, chief) as client:
            code = (await client.post("/api/v1/me/codes", json={"name": "a"})).json()["code"]
            answer = await client.post(
                "/v1/chat/completions",
                json={"model": name, "messages": [{"role": "user", "content": "Hi"}]},
                headers={"Authorization": f"Bearer {code}"},
            )
            assert answer.is_success, answer.text
            async with asyncio.timeout(SHIPPED):
                while not (await client.get("/api/v1/me/usage")).json()["summary"]["total_calls"]:
                    await asyncio.sleep(0.2)
    finally:
        await office.delete(f"/api/v1/admin/llm-configs/{added.json()['id']}")

    await page.goto("/usage")
    table = page.get_by_role("region", name=words("usage.by_source")).last
    await expect(table.get_by_role("rowheader")).to_have_text(words("usage.source.gateway"))
    await expect(table.get_by_role("cell", name="1,026", exact=True)).to_be_visible()

    await page.goto(f"/admin?model={name}")
    sources = page.get_by_role("region", name=words("dashboard.by_source")).last
    await expect(sources.get_by_role("rowheader")).to_have_text(words("usage.source.gateway"))
    await expect(sources.get_by_role("row").last).to_contain_text(re.compile("≈.*≈"))
    await expect(page.get_by_text(words("dashboard.latency.about"))).to_be_visible()
