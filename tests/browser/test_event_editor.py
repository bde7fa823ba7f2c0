"""An event is edited with its length in words that fit it."""

from playwright.async_api import expect

from support.browser.sessions import client_of
from support.sources.messages import Words

words = Words("en")


async def test_a_length_below_a_minute_is_in_seconds(visits, newcomer):
    person = await newcomer("ana")
    async with client_of(visits.url, person) as client:
        event = {"start_time": "2026-03-08T12:30:00Z", "summary": "A kite.", "duration": 12.34}
        assert (await client.post("/api/v1/events", json=event)).is_success
    page = await visits.open(person, path="/search?q=kite")
    await page.get_by_role("main").get_by_role("link").first.click()
    row = page.get_by_role("article")
    await row.get_by_role("button", name=words("events.edit")).click()
    editor = page.get_by_role("dialog", name=words("events.edit"))
    await expect(editor.get_by_label(words("events.minutes"), exact=True)).to_have_count(0)
    seconds = editor.get_by_label(words("events.seconds"), exact=True)
    await expect(seconds).to_have_value("12.34")

    await seconds.fill("40")
    await editor.get_by_role("button", name=words("common.save")).click()
    await expect(row).to_contain_text("40 sec")
    async with client_of(visits.url, person) as client:
        [event] = (await client.get("/api/v1/events", params={"day": "2026-03-08"})).json()["list"]
    assert event["duration"] == 40
