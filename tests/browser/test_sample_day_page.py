"""A sample day is put in, and taken away again, from the page that offers it."""

from playwright.async_api import expect

from support.sources.messages import Words

words = Words("en")
WRITING = 120_000  # milliseconds that the demo model may take for a page on a busy machine


async def test_the_sample_day_is_taken_away_with_the_page_that_was_written_of_it(visits, newcomer):
    page = await visits.open(await newcomer("ana"), path="/start")
    diary = page.get_by_role("region", name=words("home.diary"))
    first = page.get_by_role("region", name=words("start.diary"))
    take_away = first.get_by_role("button", name=words("start.diary.remove"))
    await expect(page.get_by_role("region", name=words("start.call"))).to_be_visible()
    await expect(take_away).to_have_count(0)

    await first.get_by_role("button", name=words("start.diary.make")).click()
    await expect(page.get_by_role("article")).to_have_count(8)
    await page.goto("/start")
    await first.get_by_role("link", name=words("start.diary.look")).click()
    await expect(diary.get_by_text(words("diary.demo"))).to_be_visible(timeout=WRITING)

    await page.goto("/start")
    await take_away.click()
    sure = page.get_by_role("dialog", name=words("start.diary.remove.title"))
    await sure.get_by_role("button", name=words("start.diary.remove")).click()
    await expect(take_away).to_have_count(0)
    await expect(page.get_by_text(words("start.diary.removed"))).to_be_visible()

    await page.goto("/")
    await expect(diary.get_by_text(words("diary.no_events"), exact=True)).to_be_visible()
    await expect(page.get_by_role("article")).to_have_count(0)
