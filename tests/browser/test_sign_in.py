"""Signing in, and what is kept from whom."""

from playwright.async_api import expect

from support.sources.messages import Words


async def test_a_wrong_password_is_said_and_the_right_one_leads_where_one_was_going(visits, newcomer):
    words = Words("zh-Hant")
    person = await newcomer("ana")
    visits.expect(r"status of 401 .*/api/v1/session$")
    page = await visits.open(language="zh-Hant", path="/usage?from=2026-01-01")

    await expect(page).to_have_url("/sign-in?to=%2Fusage%3Ffrom%3D2026-01-01")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
    account = page.get_by_label(words("session.account"))
    password = page.get_by_label(words("session.password"))
    await account.fill(person.account)
    await password.fill("wrong")
    await password.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(account).to_have_value(person.account)

    await password.fill(person.password)
    await page.get_by_role("button", name=words("session.sign_in")).click()
    await expect(page.get_by_role("heading", level=1, name=words("usage.title"))).to_be_visible()
    await expect(page).to_have_url("/usage?from=2026-01-01")
    await expect(page).to_have_title(f"{words('usage.title')} · Daybook")

    await page.get_by_role("button", name=words("session.sign_out")).click()
    await expect(page.get_by_role("button", name=words("session.sign_in"))).to_be_visible()
    await page.goto("/settings")
    await expect(page.get_by_label(words("session.account"))).to_be_visible()


async def test_the_language_chosen_before_signing_in_is_the_persons_own(visits, newcomer):
    person = await newcomer("ana")
    page = await visits.open(phone=True)

    await page.get_by_role("button", name="简体中文").click()
    words = Words("zh-Hans")
    await page.get_by_label(words("session.account")).fill(person.account)
    await page.get_by_label(words("session.password")).fill(person.password)
    await page.get_by_role("button", name=words("session.sign_in")).click()
    await expect(page.get_by_role("heading", name=words("home.timeline"))).to_be_visible()

    elsewhere = await visits.open(person, language="en", path="/settings")
    await expect(elsewhere.get_by_role("heading", level=1)).to_have_text(words("settings.title"))


async def test_who_is_no_administrator_is_not_shown_administration(visits, newcomer):
    words = Words("en")
    page = await visits.open(await newcomer("ana"), path="/admin/calls")

    await expect(page.get_by_role("heading", name=words("common.not_found.title"))).to_be_visible()
    await expect(page.get_by_role("heading", name=words("nav.admin"))).to_have_count(0)
    await page.get_by_role("link", name=words("common.not_found.home")).click()
    await expect(page.get_by_role("heading", name=words("home.timeline"))).to_be_visible()
