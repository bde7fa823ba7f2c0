"""Chinese texts in the script that their reader has chosen."""

import pytest

from daybook.lifelog.script import detect, folded, in_script, script_of_language


@pytest.mark.parametrize(
    ("language", "script"),
    [
        ("zh-Hant", "Hant"),
        ("zh-Hans", "Hans"),
        ("zh-TW", "Hant"),
        ("zh-HK", "Hant"),
        ("zh-Hans-HK", "Hans"),
        ("zh-Hant-CN", "Hant"),
        ("zh", "Hans"),
        ("zh-CN", "Hans"),
        ("en", None),
        ("ja", None),
    ],
)
def test_a_language_has_a_script(language, script):
    assert script_of_language(language) == script


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("我在公园里散步", "Hans"),
        ("我在公園裡散步", "Hant"),
        ("太后和皇后在台北", None),
        ("范先生干杯", None),
        ("A walk in the park", None),
        ("公園公园", None),
    ],
)
def test_the_script_of_a_text_is_told_by_characters_that_one_script_alone_has(text, script):
    assert detect(text) == script


def test_simplified_becomes_traditional_with_words_of_taiwan():
    assert in_script("用软件打印，用鼠标看信息", "zh-Hant") == "用軟體列印，用滑鼠看資訊"


def test_hong_kong_keeps_its_own_words():
    assert in_script("用软件看信息", "zh-Hant-HK") == "用軟件看信息"


def test_traditional_becomes_simplified_with_words_of_the_mainland():
    assert in_script("搭計程車，用軟體看資訊", "zh-Hans") == "搭出租车，用软件看信息"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("范先生在鄰里之間的台北車站，與太后乾杯", "zh-Hant"),
        ("皇后在公里外的后面", "zh-Hans"),
        ("猫の写真を撮った", "ja"),
        ("软件", "en"),
    ],
)
def test_what_is_right_already_is_left_alone(text, language):
    assert in_script(text, language) == text


def test_a_mixed_text_is_converted():
    assert in_script("我在公園里看见一隻狗", "zh-Hant") == "我在公園裡看見一隻狗"


def test_parts_that_are_kept_stay_letter_for_letter():
    text = in_script("她说「软件很好」，我说软件不好", "zh-Hant", kept=["软件很好"])

    assert text == "她說「软件很好」，我說軟體不好"


def test_a_sentence_without_a_telling_character_goes_with_its_text():
    assert in_script("皇后在里面", "zh-Hant") == "皇后在里面"
    assert in_script("皇后在里面", "zh-Hant", whole=True) == "皇后在裡面"


def test_folding_makes_widths_cases_and_scripts_equal():
    wide = "１４：０５ 在公園 iPhone"  # noqa: RUF001  (full width, as it is typed)

    assert folded(wide) == folded("14:05 在公园 IPHONE")
