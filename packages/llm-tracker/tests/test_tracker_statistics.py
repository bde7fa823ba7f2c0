"""Statistics: exact sums, date ranges, and messages for invalid arguments."""

import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from llm_tracker.errors import DatabaseError
from llm_tracker.ids import uuid7
from llm_tracker.lines import Line
from llm_tracker.llm_usage import get_llm_usage_list
from llm_tracker.llm_usage_stats import (
    get_stats_by_day,
    get_stats_by_model,
    get_summary_stats,
    get_time_series_stats,
)
from llm_tracker.sinks import current_target, record

MEASURES = {
    "total_calls",
    "successful_calls",
    "failed_calls",
    "total_prompt_tokens",
    "total_completion_tokens",
    "total_tokens",
    "total_cached_tokens",
    "total_reasoning_tokens",
    "cost",
    "unpriced_calls",
}
STATISTICS = [
    get_summary_stats,
    get_stats_by_model,
    get_stats_by_day,
    get_time_series_stats,
    get_llm_usage_list,
]


def write(when, *, model="a", prompt=10, answer=5, cost="0.1", user=1, success=True):
    when = datetime.fromisoformat(when).replace(tzinfo=UTC)
    line = Line(
        id=uuid7(),
        user_id=user,
        model=model,
        provider="openai",
        prompt_tokens=prompt,
        completion_tokens=answer,
        total_tokens=prompt + answer,
        cached_tokens=2,
        reasoning_tokens=1,
        cost=None if cost is None else Decimal(cost),
        success=success,
        error=None if success else "no",
        is_estimated=False,
        metadata={"n": 1},
        created_at=when,
    )
    record(current_target(), line)
    return line


@pytest.fixture
def lines(clean):
    return [
        write("2026-01-30T23:59:59.999999"),
        write("2026-01-31T00:00:00"),
        write("2026-01-31T08:30:00", model="b", prompt=1000, user=2, cost="0.2"),
        write("2026-01-31T23:59:59.999999", success=False, answer=0, cost=None, user=None),
        write("2026-02-01T00:00:00", cost="0.000000000000000000000000000007"),
    ]


def test_a_summary_adds_up(lines):
    assert get_summary_stats() == {
        "total_calls": 5,
        "successful_calls": 4,
        "failed_calls": 1,
        "total_prompt_tokens": 1040,
        "total_completion_tokens": 20,
        "total_tokens": 1060,
        "total_cached_tokens": 10,
        "total_reasoning_tokens": 5,
        "cost": Decimal("0.400000000000000000000000000007"),
        "unpriced_calls": 1,
    }


def test_nothing_adds_up_to_nothing(clean):
    summary = get_summary_stats()
    assert set(summary) == MEASURES
    assert summary["cost"] == Decimal(0)
    assert all(summary[name] == 0 for name in MEASURES)
    assert all(type(summary[name]) is int for name in MEASURES - {"cost"})
    assert get_stats_by_model() == get_stats_by_day() == get_time_series_stats() == []
    assert get_llm_usage_list() == {"list": [], "page": 1, "page_size": 20, "total": 0, "has_more": False}


def test_a_cost_that_nobody_knows_is_none_and_not_zero(clean):
    write("2026-01-01", cost=None)
    assert get_summary_stats()["cost"] is None
    assert get_summary_stats()["unpriced_calls"] == 1


def test_money_is_summed_exactly_over_many_lines(clean):
    for _ in range(30):
        write("2026-01-01", cost="0.1")
    cost = get_summary_stats()["cost"]
    assert isinstance(cost, Decimal)
    assert cost == Decimal("3.0")


def test_models_are_ordered_by_their_tokens(lines):
    found = get_stats_by_model()
    assert [(row["model"], row["total_calls"], row["total_tokens"]) for row in found] == [
        ("b", 1, 1005),
        ("a", 4, 55),
    ]
    assert all(set(row) == MEASURES | {"model"} for row in found)


def test_days_ascend(lines):
    found = get_stats_by_day()
    assert [(row["date"], row["total_calls"], row["total_tokens"]) for row in found] == [
        ("2026-01-30", 1, 15),
        ("2026-01-31", 3, 1030),
        ("2026-02-01", 1, 15),
    ]
    assert all(set(row) == MEASURES | {"date"} for row in found)


@pytest.mark.parametrize(
    ("granularity", "buckets"),
    [
        (
            "hour",
            [
                ("2026-01-30T23:00:00+00:00", 1),
                ("2026-01-31T00:00:00+00:00", 1),
                ("2026-01-31T08:00:00+00:00", 1),
                ("2026-01-31T23:00:00+00:00", 1),
                ("2026-02-01T00:00:00+00:00", 1),
            ],
        ),
        ("day", [("2026-01-30", 1), ("2026-01-31", 3), ("2026-02-01", 1)]),
        ("month", [("2026-01-01", 4), ("2026-02-01", 1)]),
    ],
)
def test_a_series_has_its_buckets(lines, granularity, buckets):
    found = get_time_series_stats(granularity=granularity)
    assert [(row["bucket"], row["total_calls"]) for row in found] == buckets
    assert all(set(row) == MEASURES | {"bucket"} for row in found)
    assert sum(row["total_tokens"] for row in found) == 1060


def test_days_are_those_of_the_timezone(lines):
    found = get_stats_by_day(timezone="Asia/Taipei")
    assert [(row["date"], row["total_calls"]) for row in found] == [("2026-01-31", 3), ("2026-02-01", 2)]
    found = get_stats_by_day("2026-02-01", "2026-02-01", timezone="Asia/Taipei")
    assert [(row["date"], row["total_calls"]) for row in found] == [("2026-02-01", 2)]


def test_an_hour_that_comes_twice_is_two_buckets(clean):
    for when in ("2026-10-25T00:30:00", "2026-10-25T01:30:00"):
        write(when)
    found = get_time_series_stats(granularity="hour", timezone="Europe/Berlin")
    assert [row["bucket"] for row in found] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


@pytest.mark.parametrize(
    ("start", "end", "calls"),
    [
        (None, None, 5),
        ("2026-01-31", "2026-01-31", 3),
        (date(2026, 1, 31), date(2026, 1, 31), 3),
        ("20260131", None, 4),
        ("2026-01-31T00:00:00", "2026-01-31T08:30:00", 2),
        ("2026-01-31T00:00:00Z", "2026-01-31T08:29:59Z", 1),
        ("2026-01-31T08:00:00+08:00", "2026-01-31T16:30:00+08:00", 2),
        (datetime(2026, 1, 31), datetime(2026, 2, 1), 4),  # noqa: DTZ001 - naive is UTC
        (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 1, 31, 23, tzinfo=UTC), 2),
        (datetime(2026, 1, 31, 8, tzinfo=timezone(timedelta(hours=8))), None, 4),
        (None, "2026-01-30", 1),
        ("2026-02-02", None, 0),
        (None, "9999-12-31", 5),
        ("0001-01-01", datetime.max, 5),  # noqa: DTZ901 - naive is UTC
    ],
)
def test_a_range_means_what_people_mean(lines, start, end, calls):
    assert get_summary_stats(start, end)["total_calls"] == calls
    assert sum(row["total_calls"] for row in get_stats_by_model(start_date=start, end_date=end)) == calls
    assert sum(row["total_calls"] for row in get_stats_by_day(start_date=start, end_date=end)) == calls
    assert sum(row["total_calls"] for row in get_time_series_stats(start, end)) == calls
    assert get_llm_usage_list(start_date=start, end_date=end)["total"] == calls


@pytest.mark.parametrize(("user", "calls"), [(None, 5), (1, 3), (2, 1), ("2", 1), (9, 0), (0, 0)])
def test_a_user_sees_their_own(lines, user, calls):
    assert get_summary_stats(user_id=user)["total_calls"] == calls
    assert sum(row["total_calls"] for row in get_time_series_stats(user_id=user)) == calls
    assert get_llm_usage_list(user_id=user)["total"] == calls


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"start_date": "yesterday"}, "start_date"),
        ({"start_date": ""}, "start_date"),
        ({"end_date": "2026-02-30"}, "end_date"),
        ({"end_date": 5}, "end_date"),
        ({"start_date": "2026-02-01", "end_date": "2026-01-31"}, "start_date"),
        ({"start_date": "2026-01-31T09:00:00Z", "end_date": "2026-01-31T08:00:00Z"}, "start_date"),
        ({"start_date": "0001-01-01T00:00:00+14:00"}, "start_date"),
        ({"user_id": "abc"}, "user_id"),
        ({"user_id": 1.5}, "user_id"),
        ({"user_id": True}, "user_id"),
        ({"user_id": 2**40}, "user_id"),
        ({"user_id": "1_0"}, "user_id"),
        ({"user_id": "-"}, "user_id"),
        ({"user_id": ""}, "user_id"),
    ],
)
def test_nonsense_is_named(clean, statistic, arguments, named):
    with pytest.raises(ValueError, match=rf"^{named} "):
        statistic(**arguments)


@pytest.mark.parametrize("granularity", ["week", "", None, "DAY", 1])
def test_a_granularity_is_one_of_three(clean, granularity):
    with pytest.raises(ValueError, match=r"^granularity "):
        get_time_series_stats(granularity=granularity)


@pytest.mark.parametrize(
    "timezone", ["Mars/Olympus", "", "../etc/passwd", 5, None, "localtime", "posixrules", "right/UTC"]
)
def test_a_timezone_has_a_name(clean, timezone):
    with pytest.raises(ValueError, match=r"^timezone "):
        get_stats_by_day(timezone=timezone)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"page": 0}, "page"),
        ({"page": -1}, "page"),
        ({"page": "1"}, "page"),
        ({"page": True}, "page"),
        ({"page": 10**30}, "page"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": 10**6}, "page_size"),
        ({"page_size": None}, "page_size"),
        ({"success": "yes"}, "success"),
        ({"model": 5}, "model"),
    ],
)
def test_a_page_is_a_number_that_makes_sense(clean, arguments, named):
    with pytest.raises(ValueError, match=rf"^{named} "):
        get_llm_usage_list(**arguments)


def test_a_list_is_paged_newest_first(lines):
    first = get_llm_usage_list(page=1, page_size=2)
    assert [row["id"] for row in first["list"]] == [lines[4].id, lines[3].id]
    assert {name: first[name] for name in first if name != "list"} == {
        "page": 1,
        "page_size": 2,
        "total": 5,
        "has_more": True,
    }
    last = get_llm_usage_list(page=3, page_size=2)
    assert [row["id"] for row in last["list"]] == [lines[0].id]
    assert last["has_more"] is False
    beyond = get_llm_usage_list(page=9, page_size=2)
    assert (beyond["list"], beyond["total"], beyond["has_more"]) == ([], 5, False)
    assert get_llm_usage_list(page=1, page_size=5)["has_more"] is False


def test_a_list_holds_the_line_as_it_was_written(lines):
    (row,) = get_llm_usage_list(success=False)["list"]
    assert row == lines[3].values()
    assert row["created_at"].tzinfo is UTC
    assert [row["model"] for row in get_llm_usage_list(model="b")["list"]] == ["b"]


def test_a_ledger_that_cannot_be_read_says_so(clean):
    (clean / "llm_tracker.db").write_text("this is no database, whatever its name says" * 50)
    with pytest.raises(DatabaseError, match="the ledger cannot be read"):
        get_summary_stats()


def test_rows_of_others_are_read_too(clean):
    get_summary_stats()
    with sqlite3.connect(clean / "llm_tracker.db") as connection:
        connection.execute("INSERT INTO llm_tracker_usage (id, model) VALUES (?, 'raw')", [uuid7().hex])
    connection.close()
    (row,) = get_llm_usage_list()["list"]
    assert abs(datetime.now(UTC) - row["created_at"]) < timedelta(minutes=1)
    assert (row["total_tokens"], row["success"], row["is_estimated"], row["metadata"]) == (0, True, False, {})
