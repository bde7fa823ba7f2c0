"""Language and tone of pages."""

import pytest

from daybook.lifelog.diary.phrases import measured_in_words
from daybook.lifelog.diary.style import Style, style_of
from daybook.lifelog.events.facts import Facts, factual_summary
from daybook.lifelog.wording import ENGLISH, wording
from llm_tracker.ids import uuid7


@pytest.mark.parametrize(
    ("settings", "style"),
    [
        (None, ("en", "plain")),
        ({}, ("en", "plain")),
        ({"language": "zh-Hant-TW", "diary": {"tone": "warm"}}, ("zh-Hant-TW", "warm")),
        ({"language": "de-CH-1996", "diary": {}}, ("de-CH", "plain")),
        ({"language": "sl-rozaj-biske-1994"}, ("sl", "plain")),
        ({"language": 7, "diary": "warm"}, ("en", "plain")),
    ],
)
def test_it_is_the_persons(settings, style):
    found = style_of(settings)

    assert (found.language, found.tone) == style
    assert len(found.language) <= 16


@pytest.mark.parametrize(
    ("language", "text", "speaks"),
    [
        ("en", "I had tea.", True),
        ("en", "我喝茶。", False),
        ("en", "At 14:05.", True),
        ("zh-Hant", "我在 Café Luna 喝茶。", True),
        ("zh-Hant", "I had tea at 老茶館.", False),
        ("zh-Hant", "I had tea.", False),
        ("zh-Hans", "お茶を飲んだ。", False),
        ("ja", "お茶を飲んだ。", True),
        ("ja", "I had tea.", False),
        ("ko", "차를 마셨다.", True),
        ("ko", "我喝茶。", False),
        ("ru", "Я пил чай.", True),
        ("de", "Ich trank Tee in der Küche.", True),
    ],
)
def test_whether_a_text_can_be_in_it(language, text, speaks):
    assert Style(language, "plain").speaks(text) is speaks


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (59.4, "59 s"), (59.6, "1 min"), (754, "13 min"), (5400, "1 h 30 min")],
)
def test_lengths(seconds, words):
    assert ENGLISH.length_to_the_minute(seconds) == words


def test_what_was_measured_in_each_language():
    facts = {"motion": 0.5, "brightness": 0.9, "sound": -60.0, "file_id": str(uuid7())}

    assert measured_in_words(facts, wording("en")) == "much movement, bright, with sound"
    assert measured_in_words(facts, wording("zh-TW")) == "動作很多、畫面明亮、有聲音"
    assert measured_in_words(facts, wording("zh-CN")) == "动作很多、画面明亮、有声音"
    assert measured_in_words(None, wording("en")) == ""
    assert measured_in_words({"motion": "x"}, wording("en")) == ""


@pytest.mark.parametrize("motion", [0.01, 0.025, 0.2, 0.5])
@pytest.mark.parametrize("sound", [None, -70.0, -57.0, -19.0])
def test_a_page_says_the_same_of_what_was_measured_as_its_events(motion, sound):
    facts = Facts(motion=motion, brightness=0.19, sound=sound)

    assert (
        factual_summary(facts, 5, ENGLISH) == f"Video of 5 s: {measured_in_words(facts.stored(), ENGLISH)}."
    )
