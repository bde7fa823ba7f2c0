"""What somebody is writing is not lost when they look elsewhere."""

from playwright.async_api import expect

from support.sources.messages import Words

words = Words("en")
DRAFT = "It rained all morning, and I did not mind."


async def test_ones_own_words_that_are_not_saved_are_there_after_a_look_elsewhere(visits, newcomer):
    page = await visits.open(await newcomer("ana"))
    diary = page.get_by_role("region", name=words("home.diary"))
    text = diary.get_by_role("textbox", name=words("diary.own"))
    add = diary.get_by_role("button", name=words("diary.own.add"))
    await add.click()
    await text.fill(DRAFT)

    await page.get_by_role("button", name=words("home.previous_day")).click()
    await expect(add).to_be_visible()
    await expect(text).to_have_count(0)
    await page.get_by_role("button", name=words("home.today")).click()
    await expect(text).to_have_value(DRAFT)
    await expect(diary.get_by_text(words("diary.own.draft"))).to_be_visible()

    navigation = page.get_by_role("navigation", name=words("nav.label")).first
    await navigation.get_by_role("link", name=words("search.title")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(words("search.title"))
    await navigation.get_by_role("link", name=words("home.title"), exact=True).click()
    await expect(text).to_have_value(DRAFT)

    async with page.expect_event("dialog") as asked:
        await page.evaluate("setTimeout(() => location.reload())")
    question = await asked.value
    assert question.type == "beforeunload"
    await question.dismiss()
    await expect(text).to_have_value(DRAFT)

    await diary.get_by_role("button", name=words("common.cancel")).click()
    await page.get_by_role("button", name=words("home.previous_day")).click()
    await expect(add).to_be_visible()
    await page.get_by_role("button", name=words("home.today")).click()
    await expect(add).to_be_visible()
    await expect(text).to_have_count(0)
