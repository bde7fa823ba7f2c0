"""No file uses a word that GLOSSARY.md lists as not used."""

import io
import re
import subprocess
import tokenize
from fnmatch import fnmatch
from functools import cache
from pathlib import PurePosixPath

import pytest

from support.sources.documents import ROOT

ENDINGS = {".css", ".html", ".json", ".md", ".mjs", ".py", ".sh", ".sql", ".svelte", ".svg", ".toml", ".ts"}

DECLARED = {
    ".ts": re.compile(r"\b(?:const|let|function|class|interface|type|import)\s+(\w+)"),
    ".svelte": re.compile(r"\b(?:const|let|function|class|interface|type|import)\s+(\w+)"),
    ".json": re.compile(r'"([\w.]+)":'),
}

NOT_OURS = (
    "*.lock",
    "*/recorded/*",  # what providers said
    "*/zh-Han?.json",  # Chinese texts
    "src/daybook/db/migrations/versions/000?_*",  # migrations that have run
    "src/daybook/db/migrations/versions/0010_*",
    "tests/docs/test_vocabulary.py",
    "tests/durations.json",  # ids of tests, those of this check among them
)

# (file, word, `*` for any): why it may stand there
ALLOWED = {
    ("README.md", "book"): "explains the product's name",
    ("CHANGELOG.md", "*"): "lists the names of the version before",
    ("bench/gateway/exchange.py", "book"): "the request asks what a day book is",
    ("bench/day_page.py", "book"): "an event in which somebody reads",
    ("*/sample/en.json", "book"): "an event in which somebody reads",
    ("*/drawn*.py", "book"): "a drawn scene in which a book lies under a lamp",
    ("*/0011_lines_stay.py", "film"): "renames the stored error codes of the version before",
    ("tests/migrations/test_upgrades.py", "film"): "has the error codes of the version before",
    ("*/Diary.svelte", "book"): "an icon's name in `@lucide/svelte`",
}


def unused_words(page):
    """Return the entries of the last column, as (scope, word)."""
    cells = [row.split("|")[3] for row in page.splitlines() if row.startswith("| **")]
    entries = [entry for cell in cells for entry in re.findall(r"`([^`]+)`", cell)]
    return sorted({tuple(entry.split(":")) if ":" in entry else ("text", entry) for entry in entries})


WORDS = unused_words((ROOT / "GLOSSARY.md").read_text())


def pattern(word):
    """Return the regular expression for a word or phrase, in the singular and the plural."""
    return re.compile(r"\b" + r"\s+".join(map(re.escape, word.split())) + r"s?\b", re.IGNORECASE)


@cache
def apart(text):
    """Return `text` with the parts of each identifier as separate words."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", text)


@cache
def names(path, text):
    """Return what a file names, one line for each of its own: identifiers, or the keys of messages."""
    lines = [""] * (text.count("\n") + 2)
    if path.endswith(".py") or re.match(r"#!.*python", text):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                lines[token.start[0] - 1] += f" {token.string.strip('_')}"
    elif declared := DECLARED.get(PurePosixPath(path).suffix):
        for number, line in enumerate(text.splitlines()):
            lines[number] = " ".join(declared.findall(line))
    return "\n".join(lines)


def found(path, text, scope, word):
    """Yield the places of an unused word in a file, its name included."""
    stem = PurePosixPath(path).name.partition(".")[0].lower()
    if scope == "file":
        if stem.removeprefix("test_") == word:
            yield path
        return
    seen = pattern(word)
    if scope == "text" and seen.search(apart(stem)):
        yield path
    searched = names(path, text) if scope == "name" else apart(text)
    for match in seen.finditer(searched):
        yield f"{path}:{searched.count(chr(10), 0, match.start()) + 1}"


def files():
    """Return every text file of the repository that is ours, by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    ours = [path for path in listed if not any(fnmatch(path, glob) for glob in NOT_OURS)]
    kept = [path for path in ours if PurePosixPath(path).suffix in ENDINGS or path.startswith("scripts/")]
    texts = {path: (ROOT / path).read_text() for path in kept if (ROOT / path).is_file()}
    texts["GLOSSARY.md"] = re.sub(r"\| [^|]*\|$", "", texts["GLOSSARY.md"], flags=re.MULTILINE)
    return texts


FILES = files()


def allowed(path, word):
    return any(fnmatch(path, glob) and listed in {word, "*"} for glob, listed in ALLOWED)


@pytest.mark.parametrize(("scope", "word"), WORDS, ids=[":".join(entry) for entry in WORDS])
def test_unused_words_are_not_used(scope, word):
    places = [
        place
        for path, text in FILES.items()
        if not allowed(path, word)
        for place in found(path, text, scope, word)
    ]

    assert not places, f"`{word}` (GLOSSARY.md has the word to use):\n" + "\n".join(places)


@pytest.mark.parametrize(("glob", "listed"), ALLOWED)
def test_each_exception_is_needed(glob, listed):
    assert any(
        True
        for scope, word in WORDS
        for path, text in FILES.items()
        if listed in {word, "*"} and fnmatch(path, glob)
        for _ in found(path, text, scope, word)
    )


@pytest.mark.parametrize(
    ("path", "text", "scope", "word", "count"),
    [
        ("a.py", "class TheDoor: ...", "text", "door", 1),
        ("a.py", '"""Pass the doors."""', "text", "door", 1),
        ("a.py", "outdoor = indoors", "text", "door", 0),
        ("the_door.py", "", "text", "door", 1),
        ("a.md", "one set\nof means", "text", "set of means", 1),
        ("a.py", "# it means this\nmeans = Means()\nmeans_local = 1", "name", "means", 2),
        ("scripts/some", "#!/usr/bin/env python3\nmeans = 1", "name", "means", 1),
        ("en.json", '"calls.house": "Daybook"', "name", "house", 1),
        ("a.ts", "const means = 1; // means", "name", "means", 1),
        ("past.py", "past = 1", "file", "past", 1),
    ],
)
def test_words_are_found(path, text, scope, word, count):
    assert len(list(found(path, text, scope, word))) == count


def test_the_glossary_has_one_row_for_each_word_in_order():
    heads = re.findall(r"^\| \*\*(.+?)\*\*", (ROOT / "GLOSSARY.md").read_text(), flags=re.MULTILINE)

    assert heads == sorted(set(heads), key=str.lower)
    assert {"gateway", "ledger", "internal call", "recording", "video", "reservation"} <= set(heads)
    assert {("text", "door"), ("text", "book"), ("name", "means"), ("file", "past")} <= set(WORDS)
