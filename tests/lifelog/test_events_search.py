"""What people look for is found: words of any script, either kind of Chinese, the best first."""

import pytest
from sqlalchemy import text

from daybook.lifelog.events.search import query, vector
from support.application.api import Api

EVENTS = "/api/v1/events"

DIARY = {
    "traditional": "早上在臺北車站買咖啡，看著火車進站",
    "simplified": "下午在图书馆看书，外面下着雨",
    "english": "Walking the dog past O'Neill's Café at 3.5 km/h",
    "german": "Frühstück mit Äpfeln in der Straße",
    "japanese": "公園でラーメンを食べた",
    "korean": "친구와 함께 커피를 마셨다",
    "thai": "กินข้าวที่ตลาด",
    "noise": "'; DROP TABLE events; -- & | ! <-> :* \\ \" (",
}


@pytest.fixture
async def api(ana):
    api = Api(ana)
    for hour, summary in enumerate(DIARY.values()):
        status, _ = await api.call(
            "POST", EVENTS, {"start_time": f"2026-03-08T{hour:02}:00Z", "summary": summary}
        )
        assert status == 201
    return api


async def found(api, text):
    names = {summary: name for name, summary in DIARY.items()}
    return [
        names.get(event["summary"], event["summary"]) for event in (await api.get(EVENTS, q=text))["list"]
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("台北车站", ["traditional"]),  # simplified finds traditional
        ("臺北車站", ["traditional"]),
        ("圖書館", ["simplified"]),  # and the other way round
        ("下著雨", ["simplified"]),
        ("看着火车", ["traditional"]),
        ("书", ["simplified"]),  # one character
        ("北台", []),  # neighbours in order
        ("站台", []),
        ("咖啡 火车", ["traditional"]),  # all words
        ("咖啡 图书馆", []),
        ("walk", ["english"]),  # beginnings of words
        ("WALKING cafe", ["english"]),
        ("café", ["english"]),
        ("o'neill", ["english"]),
        ("alking", []),
        ("frühstück", ["german"]),
        ("fruhstuck", ["german"]),
        ("STRASSE", ["german"]),
        ("ラーメン", ["japanese"]),
        ("ﾗｰﾒﾝ", ["japanese"]),  # half-width
        ("公园", ["japanese"]),
        ("커피", ["korean"]),
        ("ตลาด", ["thai"]),
        ("drop table", ["noise"]),
    ],
)
async def test_searches(api, text, names):
    assert await found(api, text) == names


@pytest.mark.parametrize(
    "text", ["!", "' | '", "\\", ":*", "()", "。，", "😀", "&&", "<->", "a" * 200, "貓" * 200]
)
async def test_there_is_no_text_that_cannot_be_looked_for(api, text):
    assert await found(api, text) == []


async def test_without_anything_to_look_for_everything_is_listed(api):
    assert len(await found(api, "")) == len(DIARY)


async def test_the_best_finds_come_first_page_by_page(api):
    for summary, scene in [("a park", "park"), ("nothing", "a park"), ("park, park and park", "the park")]:
        body = {"start_time": "2026-03-09T00:00Z", "summary": summary, "scene": scene}
        await api.call("POST", EVENTS, body)

    first = await api.get(EVENTS, q="park", page_size=2)
    second = await api.get(EVENTS, q="park", page_size=2, page=2)

    assert [event["summary"] for event in first["list"]] == ["park, park and park", "a park"]
    assert [event["summary"] for event in second["list"]] == ["nothing"]
    assert (first["total"], first["has_more"], second["has_more"]) == (3, True, False)


async def test_searching_within_days(api):
    assert [event["summary"] for event in (await api.get(EVENTS, q="咖啡", day="2026-03-08"))["list"]] == [
        DIARY["traditional"]
    ]
    assert (await api.get(EVENTS, q="咖啡", day="2026-03-09"))["total"] == 0


async def test_things_that_were_seen_are_found(api):
    await api.call(
        "POST", EVENTS, {"start_time": "2026-03-09T00:00Z", "summary": "x", "objects": ["腳踏車", "helmet"]}
    )

    assert await found(api, "脚踏车") == ["x"]
    assert await found(api, "helmets") == []
    assert await found(api, "helmet") == ["x"]


def test_a_phrase_does_not_reach_from_one_text_into_the_next():
    assert "'车站':" not in vector([("A", "火車"), ("B", "站")])
    assert query("車站") == "('车站')"


def test_a_text_of_many_words_stays_within_what_postgres_takes():
    words = vector([("A", " ".join(f"word{number}" for number in range(20_000)))])

    assert words.count(":") == 5_000


async def test_postgres_takes_whatever_is_cut_out_of_any_text(session):
    """Every character that there is, in runs and between others."""
    letters = [chr(code) for code in range(1, 0x32000) if not 0xD800 <= code < 0xE000]
    for start in range(0, len(letters), 1024):
        run = letters[start : start + 1024]
        for found in ("".join(run), " ".join(run), "a".join(run)):
            made, sought = vector([("A", found)]), query(found)
            values = {"vector": made, "query": sought}
            is_found = await session.scalar(
                text("SELECT CAST(:vector AS tsvector) @@ CAST(:query AS tsquery)"), values
            )
            assert is_found is (sought != ""), hex(ord(run[0]))
