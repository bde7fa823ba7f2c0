"""Pages are small, and long lists stay light."""

from playwright.async_api import expect

from support.sources.messages import Words

words = Words("en")
FIRST_LOAD = 150_000  # bytes of JavaScript, compressed
LOADED = """() => performance.getEntriesByType("resource")
    .filter(({ name }) => new URL(name).pathname.endsWith(".js"))
    .map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize])"""


async def test_what_home_loads_first_is_small(visits, newcomer, office):
    page = await visits.open(await newcomer("ana"))
    await expect(page.get_by_text(words("diary.no_events"))).to_be_visible()
    await expect(page.get_by_text(words("home.empty.title"))).to_be_visible()
    await page.wait_for_load_state("networkidle")

    loaded = dict(await page.evaluate(LOADED))
    gzipped = {path: await size_of(office, path, "gzip") for path in loaded}
    assert any(path.startswith("/assets/index") for path in loaded)
    assert all(loaded.values())
    assert sum(loaded.values()) <= FIRST_LOAD, loaded
    assert sum(gzipped.values()) <= FIRST_LOAD, gzipped


async def size_of(office, path, encoding):
    answer = await office.head(path, headers={"accept-encoding": encoding})
    return int(answer.headers["content-length"])


async def test_ten_thousand_calls_scroll_with_few_rows_in_the_page(visits, administrator, many_calls):
    page = await visits.open(administrator, path="/admin/calls?model=much-called")
    rows = page.get_by_role("listitem").filter(has_text="much-called")
    frame = page.get_by_role("list", name=words("calls.title"))
    await expect(page.get_by_text(words("calls.lead", count=many_calls))).to_be_visible()
    await expect(rows.first).to_be_visible()
    assert await rows.count() < 60

    known = 0
    while known < many_calls:
        await expect(rows.last).not_to_have_attribute("aria-setsize", str(known))
        known = int(await rows.last.get_attribute("aria-setsize"))
        await frame.evaluate("frame => (frame.scrollTop = frame.scrollHeight)")
    await expect(rows.last).to_have_attribute("aria-posinset", str(many_calls))
    await expect(rows.last).to_be_in_viewport()
    assert await rows.count() < 60
    assert await page.locator("*").count() < 1500

    await frame.evaluate("frame => (frame.scrollTop = 5000 * 64)")
    await expect(page.locator("[aria-posinset='5001']")).to_be_in_viewport()
    assert await rows.count() < 60
