"""The texts of the pages, from every folder `messages` in `frontend/src`."""

import json
import re
from functools import cache
from pathlib import Path

from support.sources.documents import ROOT

SOURCES = ROOT / "frontend" / "src"
LANGUAGES = ("en", "zh-Hant", "zh-Hans")
FOLDERS = sorted(path.parent for path in SOURCES.rglob("messages/en.json"))
FORMS = ("zero", "one", "two", "few", "many", "other")


@cache
def texts(language: str) -> dict[str, str]:
    """Every text of a language by its key."""
    return {key: text for folder in FOLDERS for key, text in of_folder(folder, language).items()}


def of_folder(folder: Path, language: str) -> dict[str, str]:
    """The texts of one file."""
    return json.loads((folder / f"{language}.json").read_text())


def stem(key: str) -> str:
    """What a page asks for: `calls.lead` of `calls.lead.one`."""
    before, _, form = key.rpartition(".")
    return before if form in FORMS else key


def parameters(text: str) -> set[str]:
    """The names in braces."""
    return set(re.findall(r"\{(\w+)\}", text))


class Words:
    """What a page says in a language: `words("common.page", page=2)`."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """Raises `KeyError` where there is no such text, or not all of its names are given."""
        known = texts(self.language)
        form = "one" if self.language == "en" and values.get("count") == 1 else "other"
        text = known.get(f"{key}.{form}") or known.get(f"{key}.other") or known[key]
        return re.sub(r"\{(\w+)\}", lambda found: _shown(values[found[1]]), text)

    def pattern(self, key: str, **values: object) -> re.Pattern[str]:
        """The text with anything where a name is not given."""
        open_names = {
            name: f"\0{name}\0"
            for text in _forms(self.language, key)
            for name in parameters(text) - set(values)
        }
        said = re.escape(self(key, **{**open_names, **values}))
        return re.compile(re.sub(r"\0\w+\0", ".+?", said.replace("\\\0", "\0")))


def _forms(language: str, key: str) -> list[str]:
    return [text for name, text in texts(language).items() if stem(name) == key]


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
