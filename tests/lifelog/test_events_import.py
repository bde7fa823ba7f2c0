"""Events from JSON, CSV and calendars: right to the hour, doubled never, and every bad line told."""

import json

import pytest
from sqlalchemy import text

from support.application.api import Api

IMPORT = "/api/v1/events/import"


@pytest.fixture
async def api(ana):
    await ana.patch("/api/v1/me", json={"timezone": "Asia/Taipei"})
    return Api(ana)


async def put(api, content, content_type="application/octet-stream", **query):
    data = content if isinstance(content, bytes) else content.encode()
    answer = await api.browser.post(
        IMPORT, content=data, headers={"content-type": content_type}, params=query
    )
    return answer.status_code, answer.json()


async def imported(api, content, **query):
    status, report = await put(api, content, **query)
    assert status == 200, report
    return report


async def listed(api, **query):
    return (await api.get("/api/v1/events", page_size=200, **query))["list"]


async def times(api):
    return [(event["start_time"], event["duration"]) for event in await listed(api)]


def calendar(*events, timezones=""):
    body = "\n".join("BEGIN:VEVENT\n" + event.strip() + "\nEND:VEVENT" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{timezones}{body}\nEND:VCALENDAR\n".replace("\n", "\r\n")


# JSON and CSV


async def test_json_with_local_times_and_offsets(api):
    rows = [
        {"start_time": "2026-03-08T07:30", "duration": 60, "summary": "local", "objects": ["cup"]},
        {"start_time": "2026-03-08T07:30+01:00", "end_time": "2026-03-08T07:45+01:00", "action": "offset"},
    ]

    report = await imported(api, json.dumps(rows))

    assert report == {
        "created": 2, "updated": 0, "unchanged": 0, "kept": 0, "problem_count": 0, "problems": []
    }  # fmt: skip
    assert await times(api) == [("2026-03-07T23:30:00Z", 60), ("2026-03-08T06:30:00Z", 900)]
    assert {event["origin"] for event in await listed(api)} == {"imported"}
    assert len(await listed(api, q="local")) == 1


async def test_bad_rows_are_told_by_line_and_good_ones_are_in(api):
    content = (
        "start_time,duration,summary\r\n"
        "2026-03-08 07:30,60,good\r\n"
        "yesterday,60,bad time\r\n"
        '2026-03-08 08:30,60,"two\r\nlines"\r\n'
        "\r\n"
        "2026-03-08 09:30,-1,bad duration\r\n"
        "2026-03-08 10:30,60\r\n"
        "2026-03-08 11:30,60,x,y\r\n"
        "1066-10-14 09:00,60,too long ago\r\n"
    )

    report = await imported(api, content)

    assert report["created"] == 2
    problems = {problem["line"]: problem["message"] for problem in report["problems"]}
    assert sorted(problems) == [3, 7, 8, 9, 10]
    assert problems[3].startswith("start_time:")
    assert problems[7].startswith("duration:")
    assert problems[8].startswith("say something")
    assert problems[9] == "Has 4 cells, and there are 3 columns."
    assert problems[10] == "start_time: must be in the years 1900 to 2199."
    assert [event["summary"] for event in await listed(api)] == ["good", "two\nlines"]


async def test_spreadsheets_with_semicolons_and_utf_16(api):
    content = "start_time;action;objects\n2026-03-08T07:30;散步;狗; 球\n".replace("狗; 球", '"狗; 球"')

    assert (await imported(api, content.encode("utf-16")))["created"] == 1
    assert (await imported(api, content.encode("utf-8-sig")))["unchanged"] == 1

    (event,) = await listed(api)
    assert (event["action"], event["objects"]) == ("散步", ["狗", "球"])


async def test_importing_again_changes_what_has_changed_and_doubles_nothing(api):
    rows = [{"key": str(n), "start_time": f"2026-03-08T0{n}:00Z", "summary": f"event {n}"} for n in range(5)]
    await imported(api, json.dumps(rows))
    first, second = (await listed(api))[:2]
    await api.call("PATCH", f"/api/v1/events/{first['id']}", {"summary": "mine"})
    await api.call("DELETE", f"/api/v1/events/{second['id']}")
    rows[0]["summary"] = rows[2]["summary"] = "changed"

    report = await imported(api, json.dumps(rows))

    assert {name: report[name] for name in ("created", "updated", "unchanged", "kept")} == {
        "created": 1, "updated": 1, "unchanged": 2, "kept": 1
    }  # fmt: skip
    assert [event["summary"] for event in await listed(api)] == [
        "mine", "event 1", "changed", "event 3", "event 4"
    ]  # fmt: skip


async def test_rows_without_a_key_are_known_by_what_they_say(api):
    row = {"start_time": "2026-03-08T07:30", "summary": "the same"}
    assert (await imported(api, json.dumps([row, row])))["created"] == 1
    assert (await imported(api, json.dumps([row])))["unchanged"] == 1

    both = [{**row, "key": "k"}, {**row, "key": "k", "summary": "another"}]
    report = await imported(api, json.dumps(both))
    assert report["created"] == 1
    assert report["problems"] == [
        {"line": 2, "message": "Has the same key as the event in line 1; left out."}
    ]


async def test_what_the_api_answers_can_be_imported_elsewhere(api, admin):
    await imported(api, json.dumps([{"start_time": "2026-03-08T07:30", "summary": "x", "objects": ["y"]}]))
    answer = await api.get("/api/v1/events")

    report = await imported(Api(admin), json.dumps(answer))

    assert (report["created"], report["problem_count"]) == (1, 0)
    (event,) = await listed(Api(admin))
    assert (event["start_time"], event["objects"]) == ("2026-03-07T23:30:00Z", ["y"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "first line"),
        ("no heading\n1,2", "first line"),
        ("start_time,mood\n2026-03-08,good", "'mood' is not known"),
        ("start_time,start_time\n", "twice"),
        ("{", "not JSON"),
        ('{"events": 5}', "no list"),
        ("[" * 100_000, "not JSON"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"start_time\n\xe9", "UTF-8"),
        ("BEGIN:VCALENDAR\n" + "BEGIN:X\n" * 1000, "too deeply"),
    ],
)
async def test_files_that_are_nothing_of_the_kind_are_refused(api, content, words):
    status, answer = await put(api, content)

    assert status == 400, answer
    assert words in answer["error"]["message"]
    assert await listed(api) == []


async def test_what_is_too_much_is_refused_whole(api):
    rows = [{"start_time": "2026-03-08T07:30", "summary": str(n)} for n in range(10_001)]
    status, answer = await put(api, json.dumps(rows))
    assert (status, answer["error"]["code"]) == (400, "too_many_events")

    status, answer = await put(api, b" " * (10 * 2**20 + 1))
    assert (status, answer["error"]["code"]) == (413, "body_too_large")
    assert await listed(api) == []


async def test_the_format_can_be_said(api):
    assert (await put(api, "[]", "text/csv"))[0] == 400
    assert (await put(api, "[]", "text/csv", format="json"))[0] == 200
    assert (await put(api, "[]", format="xml"))[0] == 422


async def test_without_a_sign_in_nothing_is_imported(visitor):
    assert (await put(Api(visitor), "[]"))[0] == 401


# Calendars


async def test_times_of_calendars_are_read_as_they_are_meant(api):
    content = calendar(
        "UID:1\nSUMMARY:in UTC\nDTSTART:20260308T010000Z\nDTEND:20260308T020000Z",
        "UID:2\nSUMMARY:in Berlin\nDTSTART;TZID=Europe/Berlin:20260308T030000\nDURATION:PT30M",
        "UID:3\nSUMMARY:Windows' name\nDTSTART;TZID=W. Europe Standard Time:20260308T040000",
        "UID:4\nSUMMARY:a vendor's name\nDTSTART;TZID=/mozilla.org/20260101/Europe/Berlin:20260308T050000",
        "UID:5\nSUMMARY:floating\nDTSTART:20260308T140000\nDTEND:20260308T150000",
    )

    report = await imported(api, content)

    assert report["problems"] == []
    assert await times(api) == [
        ("2026-03-08T01:00:00Z", 3600),
        ("2026-03-08T02:00:00Z", 1800),
        ("2026-03-08T03:00:00Z", None),
        ("2026-03-08T04:00:00Z", None),
        ("2026-03-08T06:00:00Z", 3600),
    ]


@pytest.mark.parametrize(
    ("timezone", "dates", "start", "hours"),
    [
        ("Asia/Taipei", "20260308", "2026-03-07T16:00:00Z", 24),
        ("Europe/Berlin", "20260329", "2026-03-28T23:00:00Z", 23),
        ("Europe/Berlin", "20261025", "2026-10-24T22:00:00Z", 25),
        ("Europe/Berlin", "20260328\nDTEND;VALUE=DATE:20260330", "2026-03-27T23:00:00Z", 47),
        ("UTC", "20260308\nDURATION:P2D", "2026-03-08T00:00:00Z", 48),
    ],
)
async def test_whole_days_are_the_persons_own(api, timezone, dates, start, hours):
    await api.call("PATCH", "/api/v1/me", {"timezone": timezone})

    await imported(api, calendar(f"UID:1\nSUMMARY:holiday\nDTSTART;VALUE=DATE:{dates}"))

    assert await times(api) == [(start, hours * 3600)]


CUSTOM = """BEGIN:VTIMEZONE
TZID:Our own
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
END:STANDARD
END:VTIMEZONE
"""


async def test_timezones_that_a_calendar_brings_hold_for_it_alone(api):
    event = "UID:{}\nSUMMARY:x\nDTSTART;TZID=Our own:20260308T120000"

    for uid, offset in (("1", "+0530"), ("2", "-0200")):
        await imported(api, calendar(event.format(uid), timezones=CUSTOM.format(offset=offset)))
    report = await imported(api, calendar(event.format("3")))

    assert [start for start, _ in await times(api)] == ["2026-03-08T06:30:00Z", "2026-03-08T14:00:00Z"]
    assert "'Our own' is not known" in report["problems"][0]["message"]


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY", "nonsense"]
)
async def test_timezones_whose_rules_would_take_for_ever_are_not_known(api, rule):
    zone = CUSTOM.format(offset="+0530").replace(
        "DTSTART:19700101T000000", f"DTSTART:19700101T000000\nRRULE:{rule}"
    )

    report = await imported(
        api,
        calendar("UID:1\nSUMMARY:x\nDTSTART;TZID=Our own:20260308T120000\nRRULE:FREQ=DAILY", timezones=zone),
    )

    assert (report["created"], report["problem_count"]) == (0, 1)
    assert "'Our own' is not known" in report["problems"][0]["message"]


async def test_words_of_calendars(api):
    event = (
        "UID:1\nDTSTART:20260308T010000Z\nSUMMARY:Lunch\\, late\nLOCATION:Din Tai Fung\\; Xinyi\n"
        'DESCRIPTION:Soup dumplings\\nand a long line that\n  goes on\nATTENDEE;CN="B, C":mailto:b@example.org\n'
        "BEGIN:VALARM\nTRIGGER:-PT5M\nDESCRIPTION:not this\nEND:VALARM"
    )

    await imported(api, calendar(event))

    (found,) = await listed(api)
    assert (found["action"], found["scene"]) == ("Lunch, late", "Din Tai Fung; Xinyi")
    assert found["summary"] == "Lunch, late\nSoup dumplings\nand a long line that goes on"


async def test_what_repeats_is_there_each_time_at_the_same_hour_of_the_clock(api):
    content = calendar(
        "UID:1\nSUMMARY:class\nDTSTART;TZID=Europe/Berlin:20260323T090000\nDTEND;TZID=Europe/Berlin:20260323T100000\n"
        "RRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20260406T090000\n"
        "RDATE;TZID=Europe/Berlin:20260410T090000"
    )

    assert (await imported(api, content))["created"] == 3
    assert (await imported(api, content))["unchanged"] == 3

    assert [start for start, _ in await times(api)] == [
        "2026-03-23T08:00:00Z",  # winter
        "2026-03-30T07:00:00Z",  # summer
        "2026-04-10T07:00:00Z",
    ]


async def test_what_is_said_of_one_occurrence_replaces_it(api):
    series = "UID:1\nSUMMARY:class\nDTSTART:20260323T080000Z\nRRULE:FREQ=DAILY;UNTIL=20260326T080000Z"
    moved = "UID:1\nSUMMARY:moved\nRECURRENCE-ID:20260324T080000Z\nDTSTART:20260324T120000Z"
    cancelled = (
        "UID:1\nSUMMARY:class\nRECURRENCE-ID:20260325T080000Z\nDTSTART:20260325T080000Z\nSTATUS:CANCELLED"
    )

    await imported(api, calendar(moved, series, cancelled))

    assert [(event["start_time"], event["summary"]) for event in await listed(api)] == [
        ("2026-03-23T08:00:00Z", "class"),
        ("2026-03-24T12:00:00Z", "moved"),
        ("2026-03-26T08:00:00Z", "class"),
    ]


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", 4),  # and the first time, which is no Friday
        ("FREQ=MONTHLY;BYMONTHDAY=8,-1;COUNT=4", 4),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=2SU;UNTIL=20270401", 2),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;COUNT=5", 5),
        ("FREQ=DAILY;UNTIL=20260311T235959", 4),
    ],
)
async def test_rules_of_repetition(api, rule, count):
    report = await imported(api, calendar(f"UID:1\nSUMMARY:x\nDTSTART;VALUE=DATE:20260308\nRRULE:{rule}"))

    assert (report["created"], report["problems"]) == (count, [])


async def test_what_repeats_for_ever_is_taken_for_a_time_and_said_so(api):
    report = await imported(api, calendar("UID:1\nSUMMARY:x\nDTSTART:20260101T080000Z\nRRULE:FREQ=WEEKLY"))

    assert 50 < report["created"] < 120
    assert "occurrences are skipped" in report["problems"][0]["message"]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=HOURLY;COUNT=5",
        "FREQ=DAILY;BYHOUR=1,2",
        "FREQ=YEARLY;BYEASTER=0",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=-1",
        "FREQ=MONTHLY;BYDAY=9MO",
        "FREQ=MONTHLY;BYDAY=XX",
        "FREQ=WEEKLY;INTERVAL=x",
        "BYDAY=MO",
        "nonsense",
        "FREQ=DAILY;UNTIL=soon",
    ],
)
async def test_rules_that_are_not_worked_out_are_told(api, rule):
    report = await imported(api, calendar(f"UID:1\nSUMMARY:x\nDTSTART:20260308T080000Z\nRRULE:{rule}"))

    assert report["created"] <= 1
    assert report["problems"][0]["line"] == 3


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("UID:1\nSUMMARY:x", "has no start: DTSTART is missing"),
        ("UID:1\nSUMMARY:x\nDTSTART:tomorrow", "'TOMORROW' cannot be read"),
        ("UID:1\nSUMMARY:x\nDTSTART:00010101T000000", "beyond the calendar"),
        ("UID:1\nSUMMARY:x\nDTSTART:20260308T080000Z\nDTEND:20260308T070000Z", "ends before it begins"),
        ("UID:1\nSUMMARY:x\nDTSTART:20260308T080000Z\nDTEND:20290308T070000Z", "longer than a year"),
        ("UID:1\nSUMMARY:x\nDTSTART:20260308T080000Z\nDTEND;VALUE=DATE:20260309", "ends on a day"),
        ("UID:1\nSUMMARY:x\nDTSTART:20260308T080000Z\nDURATION:long", "'long' cannot be read"),
        ("UID:1\nSUMMARY:x\nDTSTART;VALUE=DATE:20260308\nDURATION:P9999991D", "longer than a year"),
        ("UID:1\nDTSTART:20260308T080000Z", "has no text"),
        ("UID:1\nSUMMARY:x\nDTSTART:20260308T080000Z\nwhat is this", "'what is this' cannot be read"),
        ("UID:1\nSUMMARY:x\nDTSTART;TZID=Mars/Olympus:20260308T080000", "'Mars/Olympus' is not known"),
        (
            "UID:1\nSUMMARY:x\nDTSTART:20260308T080000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260308T080000Z",
            "all later occurrences",
        ),
    ],
)
async def test_an_event_that_cannot_be_read_is_told_and_the_others_are_in(api, event, words):
    good = "UID:good\nSUMMARY:good\nDTSTART:20260308T080000Z"

    report = await imported(api, calendar(event, good))

    assert (report["created"], report["problem_count"]) == (1, 1)
    assert words in report["problems"][0]["message"]
    assert report["problems"][0]["line"] == 3


async def test_a_calendar_that_was_cut_off_has_the_events_before(api):
    whole = calendar(
        "UID:1\nSUMMARY:a\nDTSTART:20260308T080000Z", "UID:2\nSUMMARY:b\nDTSTART:20260309T080000Z"
    )

    report = await imported(api, whole[: whole.rindex("END:VEVENT")])

    assert report["created"] == 1
    assert "cut off" in report["problems"][0]["message"]


async def test_a_broken_row_in_the_middle_of_an_import_leaves_the_whole_file_to_be_sent_again(api, database):
    async with database.write() as session:
        await session.execute(text("ALTER TABLE events ADD CONSTRAINT no_bombs CHECK (summary <> 'bomb')"))
    rows = [{"start_time": "2026-03-08T07:30", "summary": word} for word in ("good", "bomb")]

    assert (await put(api, json.dumps(rows)))[0] == 409

    assert await listed(api) == []
