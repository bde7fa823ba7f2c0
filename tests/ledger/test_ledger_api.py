"""The ledger over the API: sums, lines, calls and prices, for administrators and for each person."""

import pytest

from daybook.accounts.models import Group
from support.application.api import Api
from support.ledger.lines import write_call, write_line

ADMIN = "/api/v1/admin"
CALLS = f"{ADMIN}/llm/call-logs"


@pytest.fixture
def person(ana):
    return Api(ana)


async def id_of(person):
    return (await person.get("/api/v1/me"))["id"]


async def test_sums_of_all_of_a_user_and_of_a_time(root, person, database):
    user_id = await id_of(person)
    await write_line(database, "2026-01-31T23:59:59.999999", cost=0.5, cached_tokens=4, user_id=user_id)
    await write_line(database, "2026-02-01T00:00", model="n", completion_tokens=9, reasoning_tokens=3)
    await write_line(database, "2026-02-01T07:30+08:00", success=False, error="boom", completion_tokens=0)

    stats = await root.get(f"{ADMIN}/token-stats", granularity="month")
    assert stats["summary"] == {
        "total_calls": 3,
        "successful_calls": 2,
        "failed_calls": 1,
        "total_prompt_tokens": 30,
        "total_completion_tokens": 14,
        "total_tokens": 44,
        "total_cached_tokens": 4,
        "total_reasoning_tokens": 3,
        "cost": "0.5",
        "unpriced_calls": 2,
        "estimated_calls": 0,
        "latency_ms": None,
    }
    assert [(one["model"], one["total_tokens"], one["cost"]) for one in stats["by_model"]] == [
        ("m", 25, "0.5"),
        ("n", 19, None),
    ]
    assert [(one["bucket"], one["total_calls"]) for one in stats["series"]] == [
        ("2026-01-01", 2),
        ("2026-02-01", 1),
    ]

    january = await root.get(f"{ADMIN}/token-stats", end_date="2026-01-31", granularity="hour")
    assert [(one["bucket"], one["total_calls"]) for one in january["series"]] == [
        ("2026-01-31T23:00:00+00:00", 2)
    ]
    later = await root.get(f"{ADMIN}/token-stats", start_date="2026-02-01T00:00:00Z")
    assert later["summary"]["total_tokens"] == 19
    theirs = await root.get(f"{ADMIN}/token-stats", user_id=user_id)
    assert theirs["summary"]["total_tokens"] == 15


async def test_a_dashboard_tells_groups_sources_and_how_long_calls_took(root, database):
    async with database.write() as session:
        session.add(Group(id=7, name="seven"))
    for number in range(10):
        await write_line(
            database, f"2026-01-31T10:0{number}", group_id=7, source="gateway", duration_ms=1000 + number
        )
    await write_line(database, "2026-01-31T11:00", group_id=8, source="gateway", duration_ms=600_000)
    await write_line(database, "2026-02-01T11:00", model="n", source="diary", is_estimated=True)

    stats = await root.get(f"{ADMIN}/token-stats")
    assert [(one["group_id"], one["group_name"], one["total_calls"]) for one in stats["by_group"]] == [
        (7, "seven", 10),
        (None, None, 1),
        (8, None, 1),
    ]
    assert [(one["source"], one["total_calls"]) for one in stats["by_source"]] == [
        ("gateway", 11),
        ("diary", 1),
    ]
    assert stats["by_group"][0]["latency_ms"] == {"p50": 1500, "p90": 1900, "p99": 1990}
    assert stats["by_group"][2]["latency_ms"] == {"p50": 500_000, "p90": 500_000, "p99": 500_000}
    assert stats["summary"]["latency_ms"] == {"p50": 1550, "p90": 1990, "p99": 500_000}
    assert [(one["model"], one["estimated_calls"], one["latency_ms"]) for one in stats["by_model"]] == [
        ("m", 0, stats["summary"]["latency_ms"]),
        ("n", 1, None),
    ]
    assert [(one["bucket"], one["estimated_calls"]) for one in stats["series"]] == [
        ("2026-01-31", 0),
        ("2026-02-01", 1),
    ]


async def test_a_dashboard_of_one_model_group_or_source(root, database):
    await write_line(database, "2026-01-31T10:00", group_id=7, source="gateway")
    await write_line(database, "2026-01-31T10:30", group_id=7, source="gateway", model="n")
    await write_line(database, "2026-02-01T10:30", group_id=8, source="gateway", model="n")
    await write_line(database, "2026-02-01T10:30", source="diary", model="n")

    async def calls(**query):
        stats = await root.get(f"{ADMIN}/token-stats", **query)
        lists = (
            ("by_model", "model"),
            ("by_group", "group_id"),
            ("by_source", "source"),
            ("series", "bucket"),
        )
        return (
            stats["summary"]["total_calls"],
            *({row[name]: row["total_calls"] for row in stats[one]} for one, name in lists),
        )

    january, february = "2026-01-31", "2026-02-01"
    assert await calls(model="n") == (
        3,
        {"n": 3},
        {7: 1, 8: 1, None: 1},
        {"gateway": 2, "diary": 1},
        {january: 1, february: 2},
    )
    assert await calls(group_id=7) == (2, {"m": 1, "n": 1}, {7: 2}, {"gateway": 2}, {january: 2})
    assert await calls(source="diary") == (1, {"n": 1}, {None: 1}, {"diary": 1}, {february: 1})
    assert await calls(model="n", group_id=8, source="gateway") == (
        1,
        {"n": 1},
        {8: 1},
        {"gateway": 1},
        {february: 1},
    )
    assert await calls(model="n", start_date="2026-02-01T10:15Z", end_date="2026-02-01T10:45Z") == (
        2,
        {"n": 2},
        {8: 1, None: 1},
        {"gateway": 1, "diary": 1},
        {february: 2},
    )
    assert await calls(model="of nobody") == (0, {}, {}, {}, {})


async def test_an_empty_ledger_has_sums_of_nothing(root):
    stats = await root.get(f"{ADMIN}/token-stats")
    summary = stats["summary"]
    assert (summary["total_calls"], summary["cost"], summary["latency_ms"]) == (0, "0", None)
    assert stats["by_model"] == stats["by_group"] == stats["by_source"] == stats["series"] == []


async def test_a_plus_that_was_not_escaped_is_understood(root, database):
    await write_line(database, "2026-02-01T00:00")
    answer = await root.browser.get(f"{ADMIN}/token-stats?end_date=2026-02-01T08:00:00+08:00")
    assert answer.json()["summary"]["total_calls"] == 1


async def test_lines_come_page_by_page_newest_first_with_everything(root, database):
    for hour in range(5):
        await write_line(
            database, f"2026-01-01T0{hour}:00", model=f"m{hour}", source="gateway", meta={"node_name": hour}
        )
    first = await root.get(f"{ADMIN}/llm-usage", page_size=2)
    assert [line["model"] for line in first["list"]] == ["m4", "m3"]
    assert (first["page"], first["page_size"], first["total"], first["has_more"]) == (1, 2, 5, True)
    last = await root.get(f"{ADMIN}/llm-usage", page_size=2, page=3)
    assert ([line["model"] for line in last["list"]], last["has_more"]) == (["m0"], False)
    [line] = (await root.get(f"{ADMIN}/llm-usage", model="m2"))["list"]
    assert line["metadata"] == {"node_name": 2}
    assert (line["source"], line["created_at"], line["cost"]) == ("gateway", "2026-01-01T02:00:00Z", None)


async def test_calls_are_found_by_what_they_are(root, database):
    async with database.write() as session:
        session.add(Group(id=7, name="seven"))
    usage_id = await write_line(database, "2026-01-31T10:00", cost="0.000000123", source="gateway")
    whole = await write_call(
        database,
        "2026-01-31T10:00",
        usage_id=usage_id,
        config_id=1,
        template_id=2,
        group_id=7,
        activation_code="db_x",
        model="m",
        request_params={"temperature": 0.5},
        response_content="good day",
        response_data={"choices": []},
        tokens_used=15,
    )
    failed = await write_call(database, "2026-02-01T10:00", status="error", error_message="no", config_id=9)

    async def found(**query):
        return [call["id"] for call in (await root.get(CALLS, **query))["list"]]

    assert await found() == [failed, whole]
    for query in (
        {"config_id": 1},
        {"template_id": 2},
        {"group_id": 7},
        {"activation_code": "db_x"},
        {"status": "success"},
        {"model": "m"},
        {"end_date": "2026-01-31"},
        {"config_id": 1, "status": "success", "start_date": "2026-01-31T10:00:00Z"},
    ):
        assert await found(**query) == [whole], query
    assert await found(config_id=1, status="error") == []
    assert await found(start_date="2026-02-01") == [failed]

    listed = (await root.get(CALLS, status="success"))["list"][0]
    assert not {"request_messages", "response_content", "response_data"} & set(listed)
    call = await root.get(f"{CALLS}/{whole}")
    assert call["request_messages"] == [{"role": "user", "content": "hello"}]
    assert (call["response_content"], call["response_data"]) == ("good day", {"choices": []})
    assert call["request_params"] == {"temperature": 0.5}
    assert (call["line"]["id"], call["line"]["cost"]) == (str(usage_id), "0.000000123")
    assert (await root.get(f"{CALLS}/{failed}"))["line"] is None
    status, body = await root.call("GET", f"{CALLS}/{failed + 1}")
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_the_newest_price_of_a_model_counts(root):
    assert await root.get(f"{ADMIN}/prices") == []
    for amount in ("1.50", "2.000000001"):
        status, _ = await root.call(
            "PUT", f"{ADMIN}/prices", {"model": "m", "input": amount, "output": "1000000"}
        )
        assert status == 200
    await root.call("PUT", f"{ADMIN}/prices", {"model": "a", "input": 0, "output": 0, "cached_input": "0.1"})
    shown = [
        (price["model"], price["input"], price["output"], price["cached_input"], price["cache_write"])
        for price in await root.get(f"{ADMIN}/prices")
    ]
    assert shown == [("a", "0", "0", "0.1", None), ("m", "2.000000001", "1000000", None, None)]


async def test_one_s_own_usage_is_one_s_own_and_in_days_of_one_s_own(person, database):
    await person.call("PATCH", "/api/v1/me", {"timezone": "Asia/Taipei"})
    own = await id_of(person)
    await write_line(database, "2026-01-31T15:59", user_id=own)
    await write_line(database, "2026-01-31T16:00", user_id=own, model="n", source="diary")
    await write_line(database, "2026-01-31T16:00", user_id=own + 1)
    usage = await person.get("/api/v1/me/usage")
    assert usage["timezone"] == "Asia/Taipei"
    assert usage["summary"]["total_calls"] == 2
    assert [(day["date"], day["total_calls"]) for day in usage["by_day"]] == [
        ("2026-01-31", 1),
        ("2026-02-01", 1),
    ]
    assert {one["model"] for one in usage["by_model"]} == {"m", "n"}
    assert {one["source"]: one["total_calls"] for one in usage["by_source"]} == {"library": 1, "diary": 1}
    january = await person.get("/api/v1/me/usage", end_date="2026-01-31")
    assert january["summary"]["total_calls"] == 1


async def test_nonsense_is_refused_and_the_parameter_named(root):
    for path, name, value in (
        ("token-stats", "start_date", "yesterday"),
        ("token-stats", "end_date", "2026-13-01"),
        ("token-stats", "start_date", "2026-01-01\x00"),
        ("token-stats", "start_date", "0001-01-01T00:00:00+14:00"),
        ("token-stats", "granularity", "week"),
        ("token-stats", "user_id", "me"),
        ("token-stats", "user_id", str(2**31)),
        ("token-stats", "group_id", "seven"),
        ("token-stats", "model", "a\x00b"),
        ("token-stats", "source", "x" * 129),
        ("llm-usage", "page", "0"),
        ("llm-usage", "page", str(2**62)),
        ("llm/call-logs", "page", "9" * 30),
        ("llm-usage", "page_size", "201"),
        ("llm-usage", "model", "a\x00b"),
        ("llm-usage", "model", "x" * 129),
        ("llm/call-logs", "start_date", "yesterday"),
        ("llm/call-logs", "end_date", "x" * 65),
        ("llm/call-logs", "status", "failed"),
        ("llm/call-logs", "config_id", "-1"),
        ("llm/call-logs", "group_id", "1.5"),
        ("llm/call-logs", "activation_code", "\x00"),
    ):
        status, body = await root.call("GET", f"{ADMIN}/{path}", **{name: value})
        assert status in {400, 422}, (path, name, value)
        assert name in body["error"]["message"]
    status, body = await root.call(
        "GET", f"{ADMIN}/token-stats", start_date="2026-02-01", end_date="2026-01-01"
    )
    assert (status, body["error"]["code"]) == (400, "bad_dates")
    for price, name in (
        ({"model": "", "input": 1, "output": 1}, "model"),
        ({"model": "m", "input": -1, "output": 1}, "input"),
        ({"model": "m", "input": "NaN", "output": 1}, "input"),
        ({"model": "m", "input": 1, "output": "1e99"}, "output"),
        ({"model": "m", "input": 1}, "output"),
    ):
        status, body = await root.call("PUT", f"{ADMIN}/prices", price)
        assert status == 422
        assert name in body["error"]["message"]


async def test_only_administrators_see_the_ledger(visitor, person):
    nobody = Api(visitor)
    for client, expected in ((nobody, 401), (person, 403)):
        for path in ("token-stats", "llm-usage", "llm/call-logs", "llm/call-logs/1", "prices"):
            assert (await client.call("GET", f"{ADMIN}/{path}"))[0] == expected
        price = {"model": "m", "input": 1, "output": 1}
        assert (await client.call("PUT", f"{ADMIN}/prices", price))[0] == expected
    assert (await nobody.call("GET", "/api/v1/me/usage"))[0] == 401
