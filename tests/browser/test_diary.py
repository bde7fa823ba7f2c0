"""A day becomes a page; an event is edited; the page says that it is stale, and is written anew."""

import re

from playwright.async_api import expect

from support.sources.messages import Words

WRITING = 120_000  # milliseconds that the demo model may take for a page on a busy machine


async def test_a_sample_day_becomes_a_page_which_says_when_its_events_have_changed(visits, newcomer):
    words = Words("zh-Hans")
    person = await newcomer("ana", language="zh-Hans")
    page = await visits.open(person, language="zh-Hans", path="/start")
    diary = page.get_by_role("region", name=words("home.diary"))
    timeline = page.get_by_role("region", name=words("home.timeline"))
    events = timeline.get_by_role("article")
    cited = diary.get_by_role("button", name=words("diary.cite", number=1), exact=True).first
    stale = diary.get_by_text(words("diary.stale"))

    await page.get_by_role("button", name=words("start.diary.make")).click()
    await expect(events).to_have_count(8)
    writing = diary.get_by_role("status")
    await expect(writing).to_contain_text(words("diary.writing"))
    await expect(writing).to_contain_text(re.compile(r"\D\d+%"))
    await expect(writing).not_to_contain_text(words("jobs.phase.writing"))
    await writing.get_by_role("button", name=words("common.cancel")).click()
    await expect(diary.get_by_text(words("diary.empty.title"))).to_be_visible(timeout=WRITING)

    # One event instead of eight: the demo model takes its time for each.
    for number in range(8):
        await events.nth(number).get_by_role("checkbox", name=words("events.choose")).check()
    await timeline.get_by_role("button", name=words("events.merge", count=8)).click()
    await expect(events).to_have_count(1)

    await diary.get_by_role("button", name=words("diary.write")).click()
    await expect(cited).to_be_visible(timeout=WRITING)
    await expect(diary.get_by_text(words("diary.demo"))).to_be_visible()
    await expect(stale).to_have_count(0)
    await cited.click()
    await expect(events.first).to_be_focused()

    before = await diary.locator(".text").inner_text()
    await events.first.get_by_role("button", name=words("events.edit")).click()
    editor = page.get_by_role("dialog", name=words("events.edit"))
    await editor.get_by_label(words("events.summary")).fill("在河边放了一只红色的风筝。")
    await editor.get_by_role("button", name=words("common.save")).click()
    await expect(editor).to_have_count(0)
    await expect(events.first).to_contain_text("红色的风筝")
    await expect(events.first).to_contain_text(words("events.edited"))
    await expect(stale).to_be_visible()

    await diary.get_by_role("button", name=words("diary.refresh")).click()
    await expect(stale).to_have_count(0, timeout=WRITING)
    await expect(diary.locator(".text")).not_to_have_text(before)
    await expect(diary.locator(".text")).to_contain_text("风筝")

    await diary.get_by_role("button", name=words("diary.versions")).click()
    versions = page.get_by_role("dialog", name=words("diary.versions"))
    await expect(versions.get_by_role("listitem")).to_have_count(2)
    await versions.get_by_role("button", name=re.compile(r"^1 · ")).click()
    await expect(versions.locator(".text")).to_have_text(re.compile(re.escape(before[:20])))


async def test_ones_own_words_stand_beside_the_page_and_the_calendar_marks_the_day(visits, newcomer):
    words = Words("zh-Hant")
    page = await visits.open(await newcomer("ana"), language="zh-Hant", phone=True)
    diary = page.get_by_role("region", name=words("home.diary"))

    await page.get_by_role("button", name=words("events.add")).click()
    editor = page.get_by_role("dialog", name=words("events.add"))
    await editor.get_by_label(words("events.summary")).fill("在陽台種了兩盆薄荷。")
    await editor.get_by_role("button", name=words("common.save")).click()
    await expect(page.get_by_role("article")).to_contain_text("薄荷")

    await diary.get_by_role("button", name=words("diary.own.add")).click()
    await diary.get_by_role("textbox", name=words("diary.own")).fill("今天沒有下雨。")
    await diary.get_by_role("button", name=words("common.save")).click()
    await expect(diary.get_by_text("今天沒有下雨。")).to_be_visible()

    await page.reload()
    # The calendar, folded on a phone.
    await page.get_by_role("main").locator("[aria-expanded=false]").first.click()
    await expect(diary.get_by_text("今天沒有下雨。")).to_be_visible()
    chosen = page.locator("[aria-current=date]")
    await expect(chosen).to_have_accessible_name(re.compile(re.escape(words("home.events.count", count=1))))


async def test_a_page_tells_that_ones_own_model_could_not_write_it(visits, newcomer):
    words = Words("zh-Hant")
    person = await newcomer("ana", language="zh-Hant", models={"diary": "misspelt"})
    page = await visits.open(person, language="zh-Hant", phone=True)
    diary = page.get_by_role("region", name=words("home.diary"))
    await page.get_by_role("button", name=words("events.add")).click()
    editor = page.get_by_role("dialog", name=words("events.add"))
    await editor.get_by_label(words("events.summary")).fill("在陽台種了兩盆薄荷。")
    await editor.get_by_role("button", name=words("common.save")).click()

    await diary.get_by_role("button", name=words("diary.write")).click()
    await expect(diary.get_by_text(words("diary.demo"))).to_be_visible(timeout=WRITING)
    await expect(diary.get_by_text(words("diary.passed_over", model="misspelt"))).to_be_visible()
