"""Everything with the keyboard alone."""

from playwright.async_api import expect

from support.sources.messages import Words

words = Words("en")

FOCUS_IS_SHOWN = """() => {
    const at = document.activeElement;
    // Of the parts that a field for dates consists of the browser itself says which one has the focus.
    return at === document.body || !at.matches(":focus") || getComputedStyle(at).outlineStyle !== "none";
}"""


async def test_an_event_is_written_down_with_the_keyboard_alone(visits, newcomer):
    person = await newcomer("ana")
    page = await visits.open()
    keys = page.keyboard
    await expect(page.get_by_label(words("session.account"))).to_be_visible()

    await tab_to(page, page.get_by_label(words("session.account")))
    await keys.type(person.account)
    await keys.press("Tab")
    await keys.type(person.password)
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name=words("home.timeline"))).to_be_visible()

    skip = page.get_by_role("link", name=words("nav.skip"))
    await tab_to(page, skip)
    await expect(skip).to_be_in_viewport()
    await keys.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()

    add = page.get_by_role("button", name=words("events.add"))
    await tab_to(page, add)
    await keys.press("Enter")
    dialog = page.get_by_role("dialog", name=words("events.add"))
    await expect(dialog).to_be_visible()
    await tab_to(page, dialog.get_by_label(words("events.summary")))
    await keys.type("A letter was written by hand.")
    await tab_to(page, dialog.get_by_role("button", name=words("common.save")))
    await keys.press("Enter")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("article")).to_contain_text("A letter was written by hand.")
    await expect(add).to_be_focused()

    edit = page.get_by_role("button", name=words("events.edit"))
    await tab_to(page, edit)
    await keys.press("Enter")
    await expect(page.get_by_role("dialog", name=words("events.edit"))).to_be_visible()
    await keys.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(edit).to_be_focused()

    search = page.get_by_role("link", name=words("search.title")).first
    await tab_to(page, search, "Shift+Tab")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", level=1, name=words("search.title"))).to_be_focused()
    await tab_to(page, page.get_by_label(words("search.words")))
    await keys.type("letter")
    await expect(page.get_by_role("article")).to_contain_text("A letter was written by hand.")


async def tab_to(page, wanted, key="Tab"):
    """Press Tab until `wanted` has the focus. On the way, wherever the focus is, it can be seen that it is there."""
    for _ in range(80):
        await page.keyboard.press(key)
        shown = await page.evaluate(FOCUS_IS_SHOWN)
        assert shown, await page.evaluate("document.activeElement.outerHTML")
        if await wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"The focus never came to {wanted}.")
