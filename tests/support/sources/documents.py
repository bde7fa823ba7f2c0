"""The project's documents, as tests read them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HOWTO = ROOT / "docs" / "howto"

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "packages/*/README.md", "bench/*.md")
    for path in ROOT.glob(pattern)
)


def rows(text):
    """The cells of each row, of whatever table, whose first cell begins with code."""
    found = re.findall(r"^\| (`.*) \|$", text, flags=re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in found]


def code(cell):
    """The one name in a cell, without its backticks."""
    found = re.fullmatch(r"`([^`]+)`", cell)
    assert found, f"not one name: {cell}"
    return found[1]


def paths(text):
    """Every `METHOD /path` in the first cells of tables."""
    return set(re.findall(r"`([A-Z]+) (/[^`\s]+)`", " ".join(cells[0] for cells in rows(text))))


def examples(text, language):
    """The examples in `language`."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(text):
    """The lines of every example for the shell, joined where they end in a backslash."""
    return [line for block in examples(text, "sh") for line in block.replace("\\\n", " ").splitlines()]


def without_examples(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text):
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_examples(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
