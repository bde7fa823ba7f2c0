"""Events are looked for by their words."""

from playwright.async_api import expect

from support.sources.messages import Words

words = Words("zh-Hant")


async def test_more_than_can_be_looked_for_cannot_be_written(visits, newcomer):
    page = await visits.open(await newcomer("ana"), language="zh-Hant", phone=True, path="/search")
    await page.get_by_label(words("search.words")).press_sequentially("風箏" * 150, delay=0)

    await expect(page.get_by_text(words("search.nothing"), exact=True)).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_label(words("search.words"))).to_have_value("風箏" * 100)
    await page.goto(f"/search?q={'x' * 300}")
    await expect(page.get_by_text(words("search.nothing"), exact=True)).to_be_visible()
