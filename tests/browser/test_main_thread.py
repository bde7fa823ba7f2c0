"""While something goes on that shows its progress, and while a long list scrolls, the page answers at once."""

from datetime import UTC, datetime

from playwright.async_api import expect

from support.browser.main_thread import watched
from support.browser.sessions import client_of
from support.sources.messages import Words
from support.videos.clips import long_clip
from support.videos.made import Videos

words = Words("en")
WORKING = 120_000  # milliseconds that the demo model may take for a page
LOOKS = 2  # times that progress is looked at, at least: a quick machine writes three sentences in a second
WHEEL = 4000  # pixels of one turn
FRAME = 1000 / 60  # milliseconds: whoever has less to do in a turn misses no frame
TRIES = (
    3  # what the page itself takes too long for, it takes too long for each time; a busy machine does so once
)
COMPUTE = "() => { let sum = 0; for (let at = 0; at < 1e9; at++) sum += at % 7; return sum; }"


async def test_a_page_that_computes_is_caught(visits, browser):
    page = await visits.open(path="/sign-in")
    async with watched(browser, page) as thread:
        await page.evaluate(COMPUTE)

    assert thread.long


async def test_a_page_of_the_diary_is_written(visits, browser, installation, newcomer):
    person = await newcomer("ana")
    async with client_of(installation.url, person) as client:
        for summary in (
            "We flew a red kite by the river.",
            "Then we had noodles.",
            "Rain came in the evening.",
        ):
            event = {"start_time": datetime.now(UTC).isoformat(), "duration": 60, "summary": summary}
            assert (await client.post("/api/v1/events", json=event)).status_code == 201
    page = await visits.open(person)
    looks = []
    page.on("request", lambda request: looks.append(request) if "/api/v1/jobs/" in request.url else None)
    diary = page.get_by_role("region", name=words("home.diary"))

    async with watched(browser, page) as thread:
        await diary.get_by_role("button", name=words("diary.write")).click()
        await expect(diary.get_by_role("button", name=words("diary.cite", number=1)).first).to_be_visible(
            timeout=WORKING
        )

    assert len(looks) >= LOOKS
    assert thread.long == []


async def test_a_video_is_hashed_and_sent(visits, browser, newcomer, tmp_path):
    video = Videos(tmp_path).write("long.mp4", long_clip(96 * 2**20))
    page = await visits.open(await newcomer("ana"), path="/recordings")
    files = page.get_by_role("list", name=words("upload.files"))
    choose = page.get_by_role("button", name=words("upload.choose"), exact=True)
    await expect(choose).to_be_visible()

    async with watched(browser, page) as thread:
        async with page.expect_file_chooser() as chooser:
            await choose.click()
        await (await chooser.value).set_files(video)
        await expect(files.get_by_text(words("upload.phase.done"), exact=True)).to_be_visible()

    assert thread.long == []


async def test_ten_thousand_calls_scroll(visits, browser, administrator, many_calls):
    page = await visits.open(administrator, path="/admin/calls?model=much-called")
    rows = page.get_by_role("listitem").filter(has_text="much-called")

    for _ in range(TRIES):
        await expect(page.get_by_text(words("calls.lead", count=many_calls))).to_be_visible()
        await expect(rows.first).to_be_visible()
        async with watched(browser, page) as thread:
            await page.get_by_role("list", name=words("calls.title")).hover()
            while int(await rows.last.get_attribute("aria-posinset")) < many_calls:
                await page.mouse.wheel(0, WHEEL)
        if not thread.long:
            break
        await page.reload()

    assert thread.long == []
    turns = sorted(task.processor for task in thread.tasks if task.processor > 1)
    assert len(turns) > 100
    assert turns[len(turns) * 95 // 100] < FRAME
