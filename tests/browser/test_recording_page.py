"""A recording's own page."""

import re

from playwright.async_api import expect

from support.browser.sessions import client_of
from support.sources.messages import Words
from support.videos.made import Videos

words = Words("en")
NOBODYS = "018f3a5e-0000-7000-8000-000000000001"


async def test_of_a_recording_that_is_not_there_nothing_is_promised(visits, newcomer):
    visits.expect(r"status of 404 .*/api/v1/recordings/")
    page = await visits.open(await newcomer("ana"), path=f"/recordings/{NOBODYS}")

    await expect(page.get_by_role("alert")).to_contain_text(words("error.no_such_recording"))
    await expect(page.get_by_role("link", name=words("recording.back"))).to_be_visible()
    await expect(page.get_by_role("button", name=words("recording.remove"))).to_have_count(0)
    await expect(page.get_by_text(words("recording.no_events"))).to_have_count(0)
    await expect(page.get_by_role("region", name=words("recording.events"))).to_have_count(0)


async def test_its_beginning_leads_to_its_day(visits, newcomer, tmp_path):
    person = await newcomer("ana")
    video = Videos(tmp_path).make("VID_20260308_121500.mp4", "-metadata", "comment=day", seconds=2)
    page = await visits.open(person, path="/recordings")
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name=words("upload.choose"), exact=True).click()
    await (await chooser.value).set_files(video)
    await page.get_by_role("main").get_by_role("link", name=video.name).first.click()
    async with client_of(visits.url, person) as client:
        [recording] = (await client.get("/api/v1/recordings")).json()["list"]
        await client.patch(f"/api/v1/recordings/{recording['id']}", json={"start_time": "2026-03-08T12:15Z"})
        me = (await client.get("/api/v1/me")).json()
    await page.reload()
    facts = page.get_by_role("region", name=words("recording.facts"))
    await facts.get_by_role("definition").first.get_by_role("link").click()

    assert me["timezone"].startswith("Etc/GMT")
    await expect(page).to_have_url(re.compile(r"/\?day=2026-03-0[789]$"))
    timeline = page.get_by_role("region", name=words("home.timeline"))
    await expect(timeline.get_by_role("link", name=words("events.watch")).first).to_be_visible()
