"""What the pages are made with."""

import json

from support.sources.documents import ROOT

DECISION = ROOT / "docs" / "decisions" / "0021-pages.md"


def test_the_decision_says_what_each_package_is_for():
    package = json.loads((ROOT / "frontend" / "package.json").read_text())
    names = {*package["dependencies"], *package["devDependencies"]} - {"svelte", "vite"}
    said = DECISION.read_text()

    assert "Svelte 5 and Vite" in said
    assert {name for name in names if f"`{name}`" not in said} == set()
