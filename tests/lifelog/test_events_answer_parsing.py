"""What is made of answers of models, stretches of segments, and frames of stretches."""

import itertools
import json
from uuid import UUID

import pytest

from daybook.lifelog.activity.schemas import Segment
from daybook.lifelog.events.description import batching, prompt
from daybook.lifelog.events.description.answer_parsing import descriptions
from daybook.lifelog.events.facts import Facts, factual_summary, mean_level
from daybook.lifelog.events.segment_merging import max_events, merge_segments
from daybook.lifelog.wording import wording

FILE = UUID(int=1)

ITEMS = [
    {
        "stretch": number,
        "action": "walking",
        "scene": "a street",
        "summary": f"Somebody walks ({number}).",
        "objects": ["shoes", "pavement"],
        "start_time": 0,
        "duration": 5,
    }
    for number in (1, 2, 3)
]


def said(content, count=3):
    text = content if isinstance(content, str) else json.dumps(content)
    return descriptions(text, count)


@pytest.mark.parametrize(
    "content",
    [
        {"events": ITEMS},
        ITEMS,
        "Here you are:\n```json\n" + json.dumps(ITEMS) + "\n```\nAnything else?",
        {"result": {"stretches": ITEMS}},
        "\n".join(map(json.dumps, ITEMS)),
        [{name: value for name, value in item.items() if name != "stretch"} for item in ITEMS],
        [
            item | {"stretch": f"#{item['stretch']}", "start_time": "0 s", "duration": "00:05"}
            for item in ITEMS
        ],
        [item | {"objects": "shoes, pavement", "extra": None} for item in ITEMS],
        [*ITEMS, {**ITEMS[0], "summary": "twice"}, {**ITEMS[0], "stretch": 77}],
        "{ not json } " + json.dumps({"events": ITEMS}),
    ],
)
def test_answers_are_understood_however_they_are_wrapped(content):
    found = said(content)

    assert {number: one.summary for number, one in found.items()} == {
        number: f"Somebody walks ({number})." for number in (1, 2, 3)
    }
    assert {(one.start_time, one.duration, tuple(one.objects)) for one in found.values()} == {
        (0, 5, ("shoes", "pavement"))
    }


@pytest.mark.parametrize(
    "change",
    [
        {"summary": ""},
        {"summary": None},
        {"summary": 5},
        {"action": " "},
        {"scene": ["a street"]},
        {"objects": [1, 2]},
        {"objects": None},
        {"start_time": "soon"},
        {"start_time": None},
        {"start_time": -1},
        {"duration": "NaN"},
        {"stretch": 0},
        {"stretch": 4},
        {"stretch": "one"},
        {"stretch": True},
    ],
)
def test_what_does_not_fit_the_schema_is_not_said(change):
    assert sorted(said([ITEMS[0] | change, *ITEMS[1:]])) == [2, 3]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "I cannot see anything.",
        "{" * 5000,
        '{"a":' * 5000,
        '{"events": [{"stretch": 1, "summary": "cut o',
        [1],
    ],
)
def test_nothing_is_made_of_nothing(content):
    assert said(content) == {}


def test_an_answer_that_was_cut_off_keeps_what_is_whole():
    text = json.dumps({"events": ITEMS})

    assert sorted(said(text[: text.rindex("summary")])) == [1, 2]


def test_texts_of_models_are_bounded_and_clean():
    (one,) = said(
        [
            ITEMS[0]
            | {
                "action": "a\n\u0000b" * 200,
                "summary": "x" * 9000,
                "objects": ["Cup", "cup", *list("ab" * 50)],
            }
        ],
        count=1,
    ).values()

    assert (len(one.action), len(one.summary), one.objects) == (200, 4000, ["Cup", "a", "b"])
    assert "\u0000" not in one.action
    assert "\n" not in one.action


@pytest.mark.parametrize(
    ("language", "name"),
    [
        (None, "English"),
        ("en", "English"),
        ("zh-Hant", "Traditional Chinese as written in Taiwan (繁體中文)"),
        ("zh-HK", "Traditional Chinese as written in Taiwan (繁體中文)"),
        ("zh-CN", "Simplified Chinese (简体中文)"),
        ("ja", "the language with the tag ja"),
    ],
)
def test_models_are_told_the_language(language, name):
    assert prompt.language_name(language) == name


# Stretches


def segments(*seconds, cuts=()):
    found, start = [], 0.0
    for number, length in enumerate(seconds):
        found.append(Segment(start, start + length, number / 100, 0.5, -30.0, number in cuts))
        start += length
    return found


def lengths(found):
    return [round(facts.end - facts.start, 3) for facts in found]


def test_long_segments_stay_as_they_are():
    found = merge_segments(segments(5, 300, 2), FILE, per_hour=120)

    assert lengths(found) == [5, 300, 2]
    assert [facts.motion for facts in found] == [0, 0.01, 0.02]
    assert {facts.file_id for facts in found} == {FILE}


def test_what_is_too_short_joins_the_neighbour_that_no_cut_divides_it_from():
    assert lengths(merge_segments(segments(10, 1, 10, cuts={1}), FILE, per_hour=120)) == [10, 11]
    assert lengths(merge_segments(segments(10, 1, 10, cuts={2}), FILE, per_hour=120)) == [11, 10]
    assert lengths(merge_segments(segments(20, 1, 10), FILE, per_hour=120)) == [20, 11]


def test_a_video_shorter_than_any_stretch_is_one():
    assert lengths(merge_segments(segments(0.3, 0.4), FILE, per_hour=120)) == [0.7]
    assert merge_segments([], FILE, per_hour=120) == []


@pytest.mark.parametrize(("count", "seconds"), [(3600, 1.0), (1800, 2.0), (1200, 3.0), (60, 60.0)])
def test_an_hour_of_quick_cuts_is_bounded_and_tiled(count, seconds):
    found = merge_segments(segments(*[seconds] * count, cuts=set(range(1, count))), FILE, per_hour=120)

    assert len(found) == min(count, max_events(3600, 120)) <= 130
    assert found[0].start == 0
    assert found[-1].end == 3600
    assert all(one.end == other.start for one, other in itertools.pairwise(found))


def test_what_is_measured_of_two_is_their_mean_over_time():
    (found,) = merge_segments(
        [Segment(0, 1.5, 0.3, 0.2, -20.0, False), Segment(1.5, 2, 0.1, 0.6, None, False)], FILE, per_hour=1
    )

    assert (found.motion, found.brightness, found.sound) == (
        pytest.approx(0.25), pytest.approx(0.3), pytest.approx(-20)
    )  # fmt: skip
    assert mean_level([(-20, 1), (-40, 1)]) == pytest.approx(-22.97, abs=0.01)
    assert mean_level([(None, 1)]) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "Video of 1 s: much movement, bright, silent."),
        (59.6, "Video of 1 min: much movement, bright, silent."),
        (61, "Video of 1 min 1 s: much movement, bright, silent."),
        (3659, "Video of 1 h: much movement, bright, silent."),
        (3725, "Video of 1 h 2 min: much movement, bright, silent."),
    ],
)
def test_lengths_in_words(seconds, words):
    assert factual_summary(Facts(motion=0.5, brightness=0.9, sound=None), seconds, wording("en")) == words
    assert factual_summary(None, 3725, wording("zh-Hant")) == "1 小時 2 分的影片。"
    assert factual_summary(None, 3600, wording("zh-Hant")) == "1 小時的影片。"
    assert factual_summary(None, 2400, wording("zh-Hant")) == "40 分鐘的影片。"
    assert factual_summary(None, 2405, wording("zh-Hans")) == "40 分 5 秒的影片。"


# What is shown


@pytest.mark.parametrize(
    ("seconds", "most", "count"), [(0.5, 3, 1), (2, 3, 2), (10, 3, 3), (600, 3, 3), (600, 8, 5)]
)
def test_longer_stretches_are_shown_by_more_frames(seconds, most, count):
    times = batching.times_of(seconds, most)

    assert len(times) == count == batching.frames_of(seconds, most)
    assert all(0 < time < seconds for time in times)
    assert times == sorted(times)


def test_calls_are_bounded_and_estimated_as_they_are_made():
    files = [[60.0] * 13, [1.0] * 7, []]

    size = batching.size_of(files, 3)

    made = [batching.batches(list(enumerate(file)), 3) for file in files]
    assert [[len(batch) for batch in file] for file in made] == [[6, 6, 1], [6, 1], []]
    assert (size.segments, size.frames, size.calls) == (20, 46, 5)
    assert all(
        sum(batching.frames_of(60.0, 8) for _ in batch) <= 18
        for batch in batching.batches([(n, 60.0) for n in range(20)], 8)
    )
