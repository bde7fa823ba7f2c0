"""Style of a user's pages, from the settings `language` and `diary.tone`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daybook.lifelog.script import script_of_language
from daybook.lifelog.wording import Wording, wording

DEFAULT_LANGUAGE = "en"
DEFAULT_TONE = "plain"

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3041-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_OF_LANGUAGE = {"zh": (_HAN,), "ja": (_HAN, _KANA), "ko": (_HANGUL,)}
_IN_LATIN = set("cs da de en es et fi fr hr hu id it lt lv ms nl no nb pl pt ro sk sl sv tr vi".split())  # noqa: SIM905  (tags read better in a line)


@dataclass(frozen=True, slots=True)
class Style:
    """A language (BCP 47: language, script, region) and a tone."""

    language: str
    tone: str
    words: Wording = field(init=False, repr=False, compare=False)
    """Resolved once from `language`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", wording(self.language))

    @property
    def is_chinese(self) -> bool:
        """True if it has one of the Chinese scripts."""
        return script_of_language(self.language) is not None

    @property
    def spaces(self) -> bool:
        """True if sentences are separated by spaces."""
        return self.language.partition("-")[0] not in {"zh", "ja"}

    def speaks(self, text: str) -> bool:
        """Return True if `text` can be in the language, judged by its letters."""
        primary = self.language.partition("-")[0]
        latin = len(_LATIN.findall(text))
        eastern = sum(len(pattern.findall(text)) for pattern in (_HAN, _KANA, _HANGUL))
        if primary in _OF_LANGUAGE:
            own = sum(len(pattern.findall(text)) for pattern in _OF_LANGUAGE[primary])
            words = len(_LATIN_WORD.findall(text))  # names, as a rule: few beside what is said of them
            return 0 < own >= words and 2 * own >= eastern and (primary != "zh" or not _KANA.search(text))
        return primary not in _IN_LATIN or latin >= eastern


def style_of(settings: Mapping[str, Any] | None) -> Style:
    """Return the style of a user's pages."""
    language = (settings or {}).get("language")
    diary = (settings or {}).get("diary")
    tone = diary.get("tone") if isinstance(diary, Mapping) else None
    return Style(
        _known_part(language) if isinstance(language, str) else DEFAULT_LANGUAGE,
        tone if isinstance(tone, str) else DEFAULT_TONE,
    )


def _known_part(language: str) -> str:
    """Return the tag without its variants."""
    first, *rest = language.split("-")
    return "-".join([first, *(part for part in rest if len(part) in {2, 3, 4} and not part[0].isdigit())])
