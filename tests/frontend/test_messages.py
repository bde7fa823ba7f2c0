"""The texts of the pages fit the server: its values have names, and each Chinese script is its own.

`frontend/messages.test.ts` checks that texts are complete and used.
"""

import re

from daybook.db.engine import Database
from daybook.lifelog import script
from daybook.settings import Settings
from daybook.web.app import create_app
from support.sources.documents import ROOT
from support.sources.messages import stem, texts

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
"""Beginnings of keys that end in a value of the API, and the part of its schema that lists the values."""


def test_each_script_has_only_its_own_characters():
    simplified = {
        key: found for key, text in texts("zh-Hant").items() if (found := _those(script._is_simplified, text))
    }
    traditional = {
        key: found
        for key, text in texts("zh-Hans").items()
        if (found := _those(script._is_traditional, text))
    }

    assert (simplified, traditional) == ({}, {})


def test_made_keys_have_a_text_for_each_value_of_the_api(tmp_path):
    app = create_app(Database.connect("postgresql://nobody@127.0.0.1/none"), Settings(data=tmp_path))
    schemas = app.openapi()["components"]["schemas"]
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


def _values(schema):
    """Return the values that a schema allows, without null."""
    own = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return set(own).union(*(_values(one) for one in schema.get("anyOf", ())))


def _those(judge, text):
    """Return the characters of `text` for which `judge` is true."""
    return "".join(filter(judge, text))
