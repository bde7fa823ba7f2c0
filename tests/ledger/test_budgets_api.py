"""Budgets as an administrator sees them, over the API."""

from datetime import UTC, datetime, timedelta

import pytest

from daybook.ledger.budgets.terms import Subjects
from support.application.api import Api
from support.ledger.budgets import Ledger, bound
from support.ledger.lines import write_line

BUDGETS = "/api/v1/admin/budgets"
LEASES = "/api/v1/admin/budget-leases"


@pytest.fixture
async def ledger(database_url):
    async with Ledger.open(database_url) as ledger:
        yield ledger


def a_budget(**changes):
    return {"subject": "user", "subject_id": 1, "period": "month", "unit": "tokens", "limit": 1000, **changes}


async def test_a_budget_is_set_changed_and_taken_out_of_force(root):
    status, budget = await root.call("PUT", BUDGETS, a_budget())
    assert status == 200, budget
    told = {
        name: budget[name] for name in ("subject", "subject_name", "limit", "used", "held", "left", "hard")
    }
    assert told == {
        "subject": "user",
        "subject_name": "admin",
        "limit": "1000",
        "used": "0",
        "held": "0",
        "left": "1000",
        "hard": True,
    }
    today = datetime.now(UTC)
    following = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    assert budget["period_start"] == f"{today:%Y-%m-01}"
    assert budget["resets_at"] == f"{following:%Y-%m-%d}T00:00:00Z"

    _, again = await root.call("PUT", BUDGETS, a_budget(limit="2000"))
    assert (again["id"], again["limit"]) == (budget["id"], "2000")
    _, soft = await root.call("PUT", BUDGETS, a_budget(hard=False))
    assert soft["id"] != budget["id"]
    assert [one["id"] for one in (await root.get(BUDGETS))["list"]] == [soft["id"], budget["id"]]
    assert (await root.call("DELETE", f"{BUDGETS}/{budget['id']}"))[1]["active"] is False
    assert [one["id"] for one in (await root.get(BUDGETS, subject="user", subject_id=1))["list"]] == [
        soft["id"]
    ]
    assert (await root.get(BUDGETS, inactive=True))["total"] == 2
    assert (await root.get(f"{BUDGETS}/{budget['id']}"))["active"] is False
    _, again = await root.call("PUT", BUDGETS, a_budget(limit="5"))
    assert (again["id"], again["active"]) == (budget["id"], True)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"subject_id": 4711}, 404),
        ({"subject": "code", "subject_id": "db_none"}, 404),
        ({"subject": "code", "subject_id": 7}, 404),
        ({"subject": "group", "subject_id": "default"}, 400),
        ({"limit": -1}, 422),
        ({"limit": "0.5"}, 422),
        ({"limit": "NaN"}, 422),
        ({"limit": "1e30"}, 422),
        ({"unit": "eur"}, 422),
        ({"period": "year"}, 422),
        ({"hart": True}, 422),
    ],
)
async def test_nonsense_is_refused_with_words(root, changes, status):
    assert (await root.call("PUT", BUDGETS, a_budget(**changes)))[0] == status


async def test_only_administrators(ana):
    assert (await Api(ana).call("GET", BUDGETS))[0] == 403
    assert (await Api(ana).call("PUT", BUDGETS, a_budget()))[0] == 403
    assert (await Api(ana).call("DELETE", f"{LEASES}/x"))[0] == 403


async def test_what_was_taken_before_the_budget_was_set_counts(root, database, ledger, first_run):
    now = datetime.now(UTC)
    code = (await root.get("/api/v1/admin/codes"))["list"][0]
    at = {"at": now.isoformat(), "code": code["public_id"], "group_id": code["group_id"], "user_id": 1}
    await write_line(database, source="gateway", cost="0.25", **at)
    await write_line(database, source="diary", **at)
    await write_line(database, source="library", **at)
    await write_line(database, **{**at, "at": (now - timedelta(days=40)).isoformat()}, source="gateway")
    await write_line(database, **{**at, "code": "db_other", "user_id": 2, "group_id": 99}, source="gateway")
    for subject, subject_id in (("user", 1), ("group", code["group_id"]), ("code", code["public_id"])):
        _, tokens = await root.call("PUT", BUDGETS, a_budget(subject=subject, subject_id=subject_id))
        assert (subject, tokens["used"]) == (subject, "30")
        _, money = await root.call(
            "PUT", BUDGETS, a_budget(subject=subject, subject_id=subject_id, unit="usd", limit="0.5")
        )
        assert (money["used"], money["left"]) == ("0.25", "0.25")

    # Out of force and in force again: what was taken in between counts, and nothing twice.
    keeper = await ledger.keeper()
    mine = Subjects(user_id=1)
    await ledger.end(keeper, await keeper.hold(mine, bound(50)), tokens=7)
    _, budget = await root.call("PUT", BUDGETS, a_budget())
    assert budget["used"] == "37"
    await root.call("DELETE", f"{BUDGETS}/{budget['id']}")
    await write_line(database, source="gateway", **at)
    _, budget = await root.call("PUT", BUDGETS, a_budget())
    assert budget["used"] == "52"
    assert await ledger.differences() == []


async def test_leases_are_shown_and_those_of_the_dead_released(root, ledger):
    _, budget = await root.call("PUT", BUDGETS, a_budget())
    keeper = await ledger.keeper("journal-1")
    await keeper.hold(Subjects(user_id=1), bound(300))
    [lease] = await root.get(LEASES)
    assert (lease["owner"], lease["budget_id"]) == ("journal-1", budget["id"])
    shown = await root.get(f"{BUDGETS}/{budget['id']}")
    assert lease["held"] == shown["held"] != "0"
    status, refused = await root.call("DELETE", f"{LEASES}/journal-1")
    assert (status, refused["error"]["code"]) == (409, "conflict")
    await ledger.abandon(keeper)
    await ledger.connection.execute("UPDATE budget_owners SET seen_at = now() - interval '1 minute'")
    assert await root.call("DELETE", f"{LEASES}/journal-1") == (200, {"released": 1})
    assert (await root.get(f"{BUDGETS}/{budget['id']}"))["held"] == "0"
    assert (await root.call("DELETE", f"{LEASES}/journal-1"))[0] == 404


async def test_everybody_sees_what_is_left_of_their_own_budgets_and_of_nobody_elses(root, ana):
    person = Api(ana)
    me = (await person.get("/api/v1/me"))["id"]
    _, code = await person.call("POST", "/api/v1/me/codes", {"name": "mine"})
    for subject, subject_id in (("user", me), ("user", 1), ("code", code["public_id"])):
        status, _ = await root.call("PUT", BUDGETS, a_budget(subject=subject, subject_id=subject_id))
        assert status == 200

    mine = await person.get("/api/v1/me/budgets")

    assert [(one["subject"], one["subject_name"], one["left"]) for one in mine] == [
        ("code", code["public_id"], "1000"),
        ("user", "ana", "1000"),
    ]
