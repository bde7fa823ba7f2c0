"""What a page may say of an event: nothing that the event does not."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from daybook.lifelog.diary.faithfulness.check import Source, mismatch_of

TAIPEI = ZoneInfo("Asia/Taipei")
START = datetime(2026, 11, 20, 14, 5, 10, tzinfo=TAIPEI)  # a Friday


def event(text, *, start=START, seconds=None):
    return Source(text, start, seconds)


PARK = event("Anna walks 3 dogs past Café Luna, route 66. She says “good morning, world”.", seconds=754)
ZH = event("三隻狗在公園，買了兩杯咖啡，共一百二十元。招牌寫著「幸福小館」，旁邊是 Starbucks。", seconds=1800)


@pytest.mark.parametrize(
    "sentence",
    [
        "Anna walked 3 dogs.",
        "Anna walked three dogs past Café Luna.",
        "I met Anna and her 3 dogs on Friday, November 20th.",
        "On 20 November 2026 Anna was out.",
        "At 14:05 Anna came along.",
        "At 2:05 pm Anna came along.",
        "At 2:05 Anna came along.",
        "At about 2 p.m. Anna came along.",
        "Around two o'clock Anna came along.",
        "At five past two Anna came along.",
        "In the afternoon I saw the dogs on Route 66.",
        "For 12 minutes I watched Anna's dogs.",
        "For almost 13 minutes I watched them.",
        "It lasted 12 minutes 34 seconds.",
        "It went from 14:05 until 14:17.",
        "She said “Good Morning World”.",
        "Walking the dogs, Anna said hello.",
        "Looking out of the window, I saw the dogs.",
        "Usually there is nobody here.",
        "No one was on the path, and one of us laughed.",
        "I'm glad, and I'd go again.",
    ],
)
def test_what_the_event_says_may_be_said_in_other_ways(sentence):
    assert mismatch_of(sentence, [PARK], "en") is None


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("Anna walked 4 dogs.", "number"),
        ("Anna walked four dogs.", "number"),
        ("Anna walked a dozen dogs.", "number"),
        ("Anna paid 12 dollars.", "number"),
        ("She stopped twice.", "number"),
        ("At 15:05 Anna came along.", "time"),
        ("At 2:05 am Anna came along.", "time"),
        ("At half past two Anna came along.", "time"),
        ("Around 3 pm Anna came along.", "time"),
        ("At 14:10 she was still there.", "time"),
        ("In the evening Anna came along.", "part of the day"),
        ("On Saturday Anna came along.", "date"),
        ("On 21 November Anna came along.", "date"),
        ("For 20 minutes I watched.", "length"),
        ("For an hour I watched.", "length"),
        ("I met Bella.", "name"),
        ("Bella walked 3 dogs.", "name"),
        ("We had coffee at Café Sol.", "name"),
        ("Then we went to NASA.", "name"),
        ("My iPhone rang.", "name"),
        ("She said “good night”.", "quotation"),
        ('The sign read "closed".', "quotation"),
    ],
)
def test_what_it_does_not_say_is_found_out(sentence, fault):
    assert mismatch_of(sentence, [PARK], "en") == fault


@pytest.mark.parametrize(
    "sentence",
    [
        "下午兩點多，我在公園看到三隻狗。",
        "下午两点零五分，公园里有3只狗。",
        "１４：０５，公園裡有３隻狗。",  # noqa: RUF001  (full width, as it is typed)
        "十四點五分在公園。",
        "買了2杯咖啡，花了120元。",
        "我待了半小時，在「幸福小館」旁邊。",
        "待了三十分鐘，經過 Starbucks。",
        "11月20日星期五，一切都很好。",
        "今天十分開心，一直走一直走，吃了三明治。",
        "中午過後，千萬不要忘記這一點。",
        "二〇二六年十一月二十日，第一次來。",
    ],
)
def test_chinese_of_either_script_is_read(sentence):
    assert (
        mismatch_of(sentence, [event(ZH.text, start=START.replace(hour=14), seconds=1800)], "zh-Hant") is None
    )


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("公園裡有四隻狗。", "number"),
        ("買了三十杯咖啡。", "number"),
        ("買了兩百杯咖啡。", "number"),
        ("上午兩點，我在公園。", "time"),
        ("下午三點半，我在公園。", "time"),
        ("下午兩點三刻，我在公園。", "time"),
        ("清晨的公園很美。", "part of the day"),
        ("待了兩個小時。", "length"),
        ("待了兩個半小時。", "length"),
        ("11月21日，我在公園。", "date"),
        ("星期六，我在公園。", "date"),
        ("招牌寫著「快樂小館」。", "quotation"),
        ("旁邊是 McDonald's。", "name"),
        ("第四次來。", "number"),
    ],
)
def test_chinese_that_the_event_does_not_say_is_found_out(sentence, fault):
    assert mismatch_of(sentence, [ZH], "zh-Hant") == fault


def test_several_events_together():
    one = event("Noodles with Ben", seconds=1200)
    two = event("Tea with Cara", start=START.replace(hour=15), seconds=1200)

    assert mismatch_of("With Ben and Cara, 40 minutes in all.", [one, two], "en") is None
    assert mismatch_of("With Ben at 15:00.", [one], "en") == "time"
    assert mismatch_of("From 14:05 to 15:25 with Ben and Cara.", [one, two], "en") is None


def test_the_time_is_that_of_the_place():
    utc = event("Noodles", start=START.astimezone(ZoneInfo("UTC")))

    assert mismatch_of("At 06:05 there were noodles.", [utc], "en") is None
    assert mismatch_of("At 14:05 there were noodles.", [utc], "en") == "time"


def test_an_event_over_midnight_is_on_both_days():
    late = event("Fireworks", start=START.replace(hour=23, minute=50), seconds=1200)

    assert mismatch_of("On Friday night the fireworks began, until 00:10 on Saturday.", [late], "en") is None
    assert mismatch_of("深夜的煙火。", [late], "zh-Hant") is None


def test_what_the_event_says_of_times_counts_too():
    plan = event("Note: the train leaves at 18:30 on Sunday, platform 4, takes 2 hours")

    assert mismatch_of("The train leaves on Sunday at 6:30 pm and takes two hours.", [plan], "en") is None
    assert mismatch_of("The train leaves on Sunday at 6:40 pm.", [plan], "en") == "time"


def test_german_nouns_are_no_names_and_names_in_a_row_are():
    kitchen = event("Kochen in der Küche mit Anna Schmidt")

    assert mismatch_of("Ich war mit Anna Schmidt in der Küche und machte Suppe.", [kitchen], "de") is None
    assert mismatch_of("Ich war mit Berta Maier in der Küche.", [kitchen], "de") == "name"


def test_other_latin_languages_check_names_within_the_sentence():
    kitchen = event("Cuisine avec Anna")

    assert mismatch_of("Aujourd'hui, cuisine avec Anna.", [kitchen], "fr") is None
    assert mismatch_of("Aujourd'hui, cuisine avec Berta.", [kitchen], "fr") == "name"


@pytest.mark.parametrize(
    "sentence", ["", "。", "「」", "¦", "0", "第", "点", "1:2:3", "99:99", "月", "a" * 10_000]
)
def test_no_sentence_breaks_the_check(sentence):
    mismatch_of(sentence, [PARK, ZH], "zh-Hant")
    mismatch_of(sentence, [PARK], "en")
