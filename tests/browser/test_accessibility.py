"""Every page can be used by everybody: axe finds nothing serious, in light and in dark, nothing is cut off on a small
phone, and nothing moves after it was shown.
"""

import re

import pytest
import pytest_asyncio
from playwright.async_api import expect

from support.browser.addresses import DIALOGS, addresses, filled
from support.browser.seed_data import furnish
from support.sources.documents import ROOT
from support.sources.messages import Words
from support.videos.made import Videos

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
SMALLEST = {"width": 360, "height": 740}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOK = """async ([within, rules]) => {
    const found = await axe.run(within, { runOnly: rules, resultTypes: ["violations"] });
    return found.violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, nodes }) => nodes.map((node) => [id, node.html.slice(0, 300), node.failureSummary]));
}"""
CUT_OFF = """() => document.scrollingElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("*")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth)
    .map((one) => one.outerHTML.slice(0, 200))"""
"""What is to the right of the window, where there is a way to scroll there."""
MOVED = """() => {
    const observer = new PerformanceObserver(() => {});
    observer.observe({ type: "layout-shift", buffered: true });
    return observer.takeRecords()
        .map(({ value, sources }) => [value, sources.map(({ node }) => node?.outerHTML?.slice(0, 200))]);
}"""
LATE = 150  # milliseconds
"""Nobody touches the window; `hadRecentInput` is said all the same while Chromium gives it the size of a phone."""
MOST_MOVED = 0.01  # of the window, as in the Cumulative Layout Shift of browsers

words = Words("en")

pytestmark = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not here; get it with: scripts/pages")


@pytest_asyncio.fixture(scope="module")
async def things(installation, office, tmp_path_factory):
    """A installation in which something is."""
    video = Videos(tmp_path_factory.mktemp("videos")).make("video.mp4", seconds=4, size="320x180", sound=True)
    code = installation.credentials()["activation_code"]
    return await furnish(office, code, video.read_bytes(), events=1)


@pytest.mark.parametrize("address", addresses())
async def test_a_page_is_there_for_everybody(visits, administrator, things, address):
    person = None if address == "/sign-in" else administrator
    page = await visits.open(person, path=filled(address, things))
    await until_loaded(page)

    moved = await page.evaluate(MOVED)
    assert sum(share for share, _ in moved) <= MOST_MOVED, moved
    assert await faults(page) == []
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert await faults(page, rules=["color-contrast"]) == []
    await page.set_viewport_size(SMALLEST)
    assert await page.evaluate(CUT_OFF) == []
    assert await faults(page, within="main", rules=["target-size"]) == []


@pytest.mark.parametrize("address", addresses())
async def test_nothing_moves_on_a_phone_however_late_answers_come(visits, administrator, things, address):
    person = None if address == "/sign-in" else administrator
    page = await visits.open(person, phone=True, path=filled(address, things))
    for late in (False, True):
        if late:
            await answer_late(page)
            await page.reload()
        await until_loaded(page)

        moved = await page.evaluate(MOVED)
        assert sum(share for share, _ in moved) <= MOST_MOVED, moved


@pytest.mark.parametrize(("address", "opens"), DIALOGS)
async def test_a_dialog_is_there_for_everybody(visits, administrator, things, address, opens):
    page = await visits.open(administrator, path=filled(address, things))
    await until_loaded(page)
    await page.get_by_role("main").get_by_role("button", name=words(opens), exact=True).first.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await expect(dialog.get_by_role("status", name=words("common.loading"))).to_have_count(0)

    assert await faults(page, within="dialog[open]") == []
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert await faults(page, within="dialog[open]", rules=["color-contrast"]) == []
    await page.set_viewport_size(SMALLEST)
    sides = await dialog.evaluate("dialog => [dialog.scrollWidth, dialog.clientWidth]")
    assert sides[0] <= sides[1]
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_the_drawer_of_a_phone_is_there_for_everybody(visits, administrator):
    page = await visits.open(administrator, phone=True, scheme="dark")
    await until_loaded(page)
    await page.get_by_role("button", name=words("nav.more")).click()
    drawer = page.get_by_role("navigation", name=words("nav.label")).first
    await expect(drawer.get_by_role("link", name=words("health.title"))).to_be_visible()

    assert await faults(page) == []
    await drawer.get_by_role("link", name=words("health.title")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(words("health.title"))
    await expect(drawer.get_by_role("link", name=words("health.title"))).to_be_hidden()


async def answer_late(page):
    """From now on this window waits for each answer, as on the road: what comes in turns comes in several pictures."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    line = {"offline": False, "latency": LATE, "downloadThroughput": -1, "uploadThroughput": -1}
    await devtools.send("Network.emulateNetworkConditions", line)


async def until_loaded(page):
    await expect(page.get_by_role("heading").first).to_be_visible()
    await expect(page.get_by_role("status", name=words("common.loading"))).to_have_count(0)
    await expect(page.get_by_text(re.compile(r"\bundefined\b|\bNaN\b|\[object"))).to_have_count(0)
    await page.wait_for_load_state("networkidle")


async def faults(page, *, within="html", rules=None):
    """What axe finds serious or critical."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE.read_text())
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": TAGS}
    return await page.evaluate(LOOK, [within, only])
