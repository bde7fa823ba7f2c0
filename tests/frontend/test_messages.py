"""The texts of the pages: none is missing, none is left over, and each script is its reader's own."""

import json
import re
from functools import cache

import pytest

from daybook.lifelog import script
from support.sources.documents import ROOT
from support.sources.messages import FOLDERS, LANGUAGES, SOURCES, of_folder, parameters, stem, texts

STEMS = {stem(key) for key in texts("en")}

MADE = {
    "access.role.": ("Role",),
    "jobs.status.": ("JobStatus",),
    "recording.time_source.": ("RecordingResponse", "time_source"),
    "providers.probe.": ("ProbeResponse", "finding"),
    "budgets.subject.": ("BudgetResponse", "subject"),
    "budgets.period.": ("BudgetResponse", "period"),
    "usage.budget.": ("BudgetResponse", "subject"),
}
"""Keys whose end is a value of the API's, and where its schema names the values: for each there is a text."""

SAME_EVERYWHERE = {"API", "{page}", "Token", "{count} Token"}
"""What is written alike in all languages."""

each_language = pytest.mark.parametrize("language", LANGUAGES)


def test_every_text_is_there_in_all_languages():
    for folder in FOLDERS:
        stems = {language: {stem(key) for key in of_folder(folder, language)} for language in LANGUAGES}
        assert stems["zh-Hant"] == stems["en"], folder
        assert stems["zh-Hans"] == stems["en"], folder
    assert all(text.strip() for language in LANGUAGES for text in texts(language).values())


def test_no_key_is_in_two_folders():
    for language in LANGUAGES:
        keys = [key for folder in FOLDERS for key in of_folder(folder, language)]
        assert sorted(keys) == sorted(set(keys))


@each_language
def test_numbers_have_the_forms_of_their_language(language):
    needed = {"one", "other"} if language == "en" else {"other"}
    forms = {}
    for key in texts(language):
        if key != stem(key):
            forms.setdefault(stem(key), set()).add(key.rpartition(".")[2])

    assert {key: found for key, found in forms.items() if found != needed} == {}


def test_texts_take_the_same_parameters_in_all_languages():
    def taken(language):
        names = {}
        for key, text in texts(language).items():
            names.setdefault(stem(key), set()).update(parameters(text))
        return names

    assert taken("zh-Hant") == taken("en")
    assert taken("zh-Hans") == taken("en")


def test_each_script_is_its_readers_own():
    simplified = {
        key: found for key, text in texts("zh-Hant").items() if (found := _those(script._is_simplified, text))
    }
    traditional = {
        key: found
        for key, text in texts("zh-Hans").items()
        if (found := _those(script._is_traditional, text))
    }

    assert (simplified, traditional) == ({}, {})


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_nothing_was_left_in_english(language):
    left = {
        key: text
        for key, text in texts(language).items()
        if not re.search(r"[\u4e00-\u9fff]", text) and re.search(r"[A-Za-z]", re.sub(r"\{\w+\}", "", text))
    }

    assert {key: text for key, text in left.items() if text not in SAME_EVERYWHERE} == {}


def test_every_key_that_a_page_asks_for_has_a_text():
    asked = {key: where for key, where in _asked().items() if key not in STEMS}
    patterns = {shown: where for shown, (pattern, where) in _made().items() if not _matching(pattern)}

    assert asked == {}
    assert patterns == {}


def test_every_text_is_asked_for():
    made = {key for pattern, _ in _made().values() for key in _matching(pattern)}

    assert STEMS - set(_asked()) - made == set()


def test_made_keys_have_a_text_for_each_value_of_the_api():
    schemas = json.loads((ROOT / "frontend" / "openapi.json").read_text())["components"]["schemas"]
    for begin, place in MADE.items():
        schema = schemas[place[0]] if len(place) == 1 else schemas[place[0]]["properties"][place[1]]
        values = _values(schema)
        assert values, place
        assert {f"{begin}{value}" for value in values} <= STEMS, place


def test_jobs_and_their_phases_have_names():
    jobs = "\n".join(path.read_text() for path in (ROOT / "src" / "daybook" / "lifelog").rglob("*.py"))
    phases = set(re.findall(r'\bprogress\([^"\n]*"([a-z_]+)"\)', jobs))

    assert len(phases) > 5
    assert {f"jobs.phase.{phase}" for phase in phases} == {
        key for key in STEMS if key.startswith("jobs.phase.")
    }


def test_texts_of_errors_are_of_errors_that_there_are():
    ours = "\n".join(path.read_text() for path in (ROOT / "src" / "daybook").rglob("*.py"))
    pages = "\n".join(_sources().values())
    codes = {key.removeprefix("error.") for key in STEMS if key.startswith("error.")}

    assert {code for code in codes if f'"{code}"' not in ours and f'"error.{code}"' not in pages} == set()


def test_texts_are_given_every_parameter():
    missing = []
    for where, source in _sources().items():
        for call in re.finditer(r'\bt\(\s*"([a-z_.]+)"\s*([,)])', source):
            given = _given(source[call.end() :]) if call[2] == "," else set()
            wanted = set().union(
                *(parameters(text) for key, text in texts("en").items() if stem(key) == call[1])
            )
            if given is not None and given != wanted:
                missing.append((where, call[1], wanted, given))

    assert missing == []


def _values(schema):
    """The values that a schema allows, but for null."""
    own = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return set(own).union(*(_values(one) for one in schema.get("anyOf", ())))


def _those(judge, text):
    return "".join(filter(judge, text))


@cache
def _sources():
    """Every source of the pages but the texts and what is generated, by its path."""
    return {
        str(path.relative_to(SOURCES)): path.read_text()
        for path in sorted(SOURCES.rglob("*"))
        if path.suffix in {".svelte", ".ts"} and path.name != "schema.d.ts"
    }


@cache
def _asked():
    """Every text in quotes that can only be a key, and where it stands."""
    begins = "|".join(sorted({key.partition(".")[0] for key in STEMS}))
    key = re.compile(rf'"((?:{begins})(?:\.[a-z_0-9]+)+)"')
    return {found: where for where, source in _sources().items() for found in key.findall(source)}


@cache
def _made():
    """Keys with a part that is known only when the page runs: their pattern, and where they stand."""
    begins = "|".join(sorted({key.partition(".")[0] for key in STEMS}))
    template = re.compile(rf"`((?:{begins})\.[a-z_.]*)\$\{{[^`}}]*\}}([a-z_.]*)`")
    return {
        f"{begin}…{end}": (re.compile(rf"{re.escape(begin)}[a-z_0-9]+{re.escape(end)}"), where)
        for where, source in _sources().items()
        for begin, end in template.findall(source)
    }


def _matching(pattern):
    return {key for key in STEMS if pattern.fullmatch(key)}


def _given(rest):
    """The names in the object that follows; None where it is not written out."""
    inside = re.match(r"\s*\{", rest)
    if not inside:
        return None
    names, depth, part = set(), 0, ""
    for character in rest:
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(character, 0)
        if depth == 0 and part.strip():
            break
        if depth == 1 and character == ",":
            names.add(part)
            part = ""
        else:
            part += character
    names.add(part)
    found = {re.match(r"[\s{]*(\w+)\s*(?::|$)", name) for name in names}
    return {name[1] for name in found if name}
