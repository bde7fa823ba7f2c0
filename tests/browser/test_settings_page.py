"""What a person sets for themselves."""

import pytest
from playwright.async_api import expect

from support.sources.messages import LANGUAGES, Words


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_current_password_is_reported_wrong(visits, newcomer, language):
    words = Words(language)
    said = {
        "en": "The current password is wrong.",
        "zh-Hant": "目前的密碼不正確。",
        "zh-Hans": "当前密码不正确。",
    }
    visits.expect(r"status of 400 .*/api/v1/me/password")
    page = await visits.open(await newcomer("ana", language=language), language=language, path="/settings")

    await page.get_by_label(words("settings.password.old")).fill("not this one")
    await page.get_by_label(words("settings.password.new")).fill("battery staple horse")
    await page.get_by_role("button", name=words("settings.password.change")).click()
    await expect(page.get_by_role("alert")).to_have_text(said[language])
