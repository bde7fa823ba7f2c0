"""Who takes the browser's timezone sees at once what that changes."""

from playwright.async_api import expect

from support.browser.sessions import client_of
from support.sources.messages import Words

words = Words("en")
WRITING = 120_000  # milliseconds that the demo model may take for a page on a busy machine


async def test_the_page_says_that_its_events_have_moved_as_soon_as_the_timezone_is_taken(
    browser, installation, visits, newcomer
):
    person = await newcomer("ana")
    async with client_of(installation.url, person) as client:
        assert (await client.patch("/api/v1/me", json={"timezone": "UTC"})).is_success
        event = {"start_time": "2026-03-08T12:30:00Z", "summary": "A walk along the river.", "duration": 60}
        assert (await client.post("/api/v1/events", json=event)).is_success
        written = await client.post("/api/v1/diary/2026-03-08/generation", json={})
        assert written.is_success, written.text
    context = await browser.new_context(
        base_url=installation.url, locale="en-GB", timezone_id="Europe/Paris", reduced_motion="reduce"
    )
    visits._contexts.append(context)
    assert (await context.request.post("/api/v1/session", data=person.sign_in)).ok
    page = await context.new_page()
    await page.goto("/?day=2026-03-08")
    diary = page.get_by_role("region", name=words("home.diary"))
    stale = diary.get_by_text(words("diary.stale"))
    await expect(diary.get_by_role("button", name=words("diary.refresh"))).to_be_enabled(timeout=WRITING)
    await expect(stale).to_have_count(0)

    await page.get_by_role("button", name=words("home.timezone.take", timezone="Europe/Paris")).click()
    await expect(page.get_by_role("article")).to_contain_text("13:30")
    await expect(stale).to_be_visible()
