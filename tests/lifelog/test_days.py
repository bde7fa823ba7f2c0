"""Days as people have them: Taipei, changes of clocks, countries that skipped a day, travellers."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import available_timezones

import pytest

from daybook.kit.errors import Invalid
from daybook.lifelog.days import day_bounds, days_between, local_day


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_day_in_taipei_begins_eight_hours_before_utc():
    assert day_bounds(date(2026, 3, 8), "Asia/Taipei") == (utc("2026-03-07T16:00"), utc("2026-03-08T16:00"))
    assert local_day(utc("2026-03-07T15:59:59.999999"), "Asia/Taipei") == date(2026, 3, 7)
    assert local_day(utc("2026-03-07T16:00"), "Asia/Taipei") == date(2026, 3, 8)


@pytest.mark.parametrize(
    ("timezone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Africa/Cairo", date(2024, 4, 26), 23),  # midnight itself is skipped
        ("America/Havana", date(2024, 11, 3), 25),  # the day's first hour comes twice
        ("Asia/Beirut", date(2023, 10, 28), 25),  # the hour before midnight comes twice
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
        ("Pacific/Apia", date(2011, 12, 30), 0),  # never was
        ("America/Toronto", date(1919, 3, 31), 23.5),  # from 23:30 to 00:30
        ("Asia/Taipei", date(2026, 10, 25), 24),
    ],
)
def test_days_on_which_clocks_change(timezone, day, hours):
    start, end = day_bounds(day, timezone)

    assert (end - start) / timedelta(hours=1) == hours
    assert day_bounds(day - timedelta(days=1), timezone).end == start
    if hours:
        assert local_day(start, timezone) == local_day(end - timedelta(microseconds=1), timezone) == day
    assert local_day(start - timedelta(microseconds=1), timezone) != day


def test_a_minute_that_comes_back_after_midnight_splits_no_day():
    # In Newfoundland clocks went back from 00:01 to 23:01 of the day before.
    start, end = day_bounds(date(2000, 10, 29), "America/St_Johns")

    assert end - start == timedelta(hours=24)
    assert start == utc("2000-10-29T03:30")
    assert local_day(utc("2000-10-29T02:30:30"), "America/St_Johns") == date(
        2000, 10, 28
    )  # 00:00:30, first time
    assert local_day(utc("2000-10-29T03:00"), "America/St_Johns") == date(2000, 10, 28)


def test_in_every_zone_each_moment_belongs_to_the_one_day_whose_bounds_hold_it():
    for timezone in sorted(available_timezones() - {"Factory", "localtime"}):
        for first in (date(2011, 12, 27), date(2024, 3, 8), date(2024, 10, 24)):
            end = day_bounds(first, timezone).start
            for day in days_between(first, first + timedelta(days=10)):
                start, before = day_bounds(day, timezone).start, end
                end = day_bounds(day, timezone).end
                assert start == before, (timezone, day)
                middle = start + (end - start) / 2
                assert end == start or local_day(middle, timezone) == day, (timezone, day)


def test_the_same_moment_is_another_day_for_a_traveller():
    moment = utc("2026-03-07T23:30")

    assert local_day(moment, "Asia/Taipei") == date(2026, 3, 8)
    assert local_day(moment, "America/Los_Angeles") == date(2026, 3, 7)


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "", "../etc", "/etc/passwd", "Asia", "a\0b", "x" * 300])
def test_a_timezone_that_nobody_knows_is_named(timezone):
    with pytest.raises(Invalid, match="IANA name") as problem:
        day_bounds(date(2026, 3, 8), timezone)

    assert problem.value.code == "unknown_timezone"


@pytest.mark.parametrize("day", [date.min, date.max])
def test_days_at_the_ends_of_the_calendar_are_refused(day):
    with pytest.raises(Invalid, match="beyond the calendar"):
        day_bounds(day, "Asia/Taipei")
