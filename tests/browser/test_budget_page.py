"""A hard budget that is set on the pages is kept, says so to the caller, and is seen used up."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import openai
import pytest
from playwright.async_api import expect

from support.browser.sessions import client_of
from support.sources.messages import LANGUAGES, Words

words = Words("en")


async def test_a_budget_is_reached_and_the_caller_is_told_which_and_until_when(
    visits, administrator, newcomer, office, installation
):
    person = await newcomer("ben")
    page = await visits.open(administrator, path="/admin/budgets")
    await page.get_by_role("button", name=words("budgets.add")).click()
    form = page.get_by_role("dialog", name=words("budgets.add"))
    await form.get_by_label(words("budgets.subject"), exact=True).select_option("user")
    await form.get_by_label(words("budgets.subject.id"), exact=True).select_option(person.account)
    await form.get_by_label(words("budgets.period"), exact=True).select_option("day")
    await form.get_by_label(words("budgets.unit"), exact=True).select_option("tokens")
    await form.get_by_label(words("budgets.limit")).fill("250")
    await form.get_by_role("button", name=words("common.save")).click()
    card = page.get_by_role("region", name=person.account)
    await expect(card.get_by_text(words("budgets.hard"), exact=True)).to_be_visible()
    await expect(card).to_contain_text("0 / 250")

    refused = await call_until_refused(installation, person)
    resets = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT00:00Z")
    assert refused.body["code"] == "budget_reached"
    assert "This user's daily budget of 250 tokens" in refused.body["message"]
    assert f"resets at {resets}" in refused.body["message"]
    assert 0 < int(refused.response.headers["retry-after"]) <= 86_400

    [used] = [
        budget["used"]
        for budget in (await office.get("/api/v1/admin/budgets", params={"page_size": 200})).json()["list"]
        if budget["subject_name"] == person.account
    ]
    assert 0 < float(used) <= 250
    await expect(card).to_contain_text(f"{int(float(used))} / 250")
    await expect(card.get_by_role("progressbar", name=words("budgets.used"))).to_have_attribute(
        "value", str(float(used) / 250)
    )


@pytest.mark.parametrize("language", LANGUAGES)
async def test_ones_own_budgets_are_called_what_they_are_to_the_reader(
    visits, newcomer, office, installation, language
):
    person = await newcomer("eve")
    async with client_of(installation.url, person) as browser:
        number = (await browser.get("/api/v1/me")).json()["id"]
        code = (await browser.post("/api/v1/me/codes", json={"name": "program"})).json()["public_id"]
    for subject, whose in (("user", number), ("code", code)):
        budget = {"subject": subject, "subject_id": whose, "period": "day", "unit": "tokens", "limit": "1000"}
        made = await office.put("/api/v1/admin/budgets", json=budget)
        assert made.status_code == 200, made.text

    page = await visits.open(person, language=language, phone=True, path="/usage")
    told = Words(language)
    shown = page.get_by_role("region", name=told("usage.budgets")).get_by_role("listitem")
    await expect(shown).to_have_count(2)
    await expect(shown.filter(has_text=told("usage.budget.user"))).to_have_count(1)
    await expect(shown.filter(has_text=told("usage.budget.code", name=code))).to_have_count(1)
    await expect(shown.filter(has_text=person.account)).to_have_count(0)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_page_of_the_diary_that_no_budget_is_left_for_says_so_in_the_readers_words(
    visits, newcomer, office, installation, language
):
    person, told = await newcomer("kai", language=language), Words(language)
    async with client_of(installation.url, person) as browser:
        me = (await browser.get("/api/v1/me")).json()
        day = datetime.now(ZoneInfo(me["timezone"])).date()
        assert (await browser.put(f"/api/v1/sample-days/{day}")).is_success
    budget = {"subject": "user", "subject_id": me["id"], "period": "month", "unit": "tokens", "limit": "60"}
    assert (await office.put("/api/v1/admin/budgets", json=budget)).is_success
    await asyncio.sleep(2.1)  # every process learns of it

    page = await visits.open(person, language=language, phone=True)
    diary = page.get_by_role("region", name=told("home.diary"))
    await diary.get_by_role("button", name=told("diary.write")).click()
    none, most = (f"{number} {told('budgets.tokens')}" for number in (0, 60))
    named = {"subject": told("budgets.subject.user"), "period": told("budgets.period.month")}
    amounts = {"limit": most, "used": none, "held": none}
    said = diary.get_by_role("alert")
    await expect(said).to_have_text(told.pattern("error.budget_reached", **named, **amounts))
    assert not re.search(r"T00:00|\{", await said.inner_text())


async def call_until_refused(installation, person):
    """The error that a program of the person's gets at last."""
    async with client_of(installation.url, person) as browser:
        code = (await browser.post("/api/v1/me/codes", json={"name": "program"})).json()["code"]
    async with openai.AsyncOpenAI(base_url=f"{installation.url}/v1", api_key=code, max_retries=0) as client:
        for _ in range(50):
            try:
                await client.chat.completions.create(
                    model="daybook-demo", messages=[{"role": "user", "content": "Count."}], max_tokens=30
                )
            except openai.RateLimitError as refused:
                if "in progress. Try again" not in refused.body["message"]:
                    return refused
                await asyncio.sleep(
                    float(refused.response.headers["retry-after"])
                )  # until the last is in the ledger
    return pytest.fail("Fifty calls were not refused.")
