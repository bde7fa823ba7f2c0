"""Paths that documents and docstrings name exist, and the map of the gateway is the code's."""

import re
import subprocess

import pytest

from support.sources.documents import DOCUMENTS, ROOT, without_examples

SENTENCE = "Every model call passes one gateway and leaves one line in the ledger."

# Paths that are made at run time, or that are addresses
ELSEWHERE = re.compile(
    r"^(<|/|~|\.|daybook.lock$|data/|log/|bench/results/|daybook/|postgres|web/built|v1beta/|ask.py$)|\*|://|[A-Z]{4,}"
)


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [f"/{path}" for path in listed if (ROOT / path).exists()]


FILES = tracked()


def exists(path):
    """True if a tracked file has this path, or lies in this folder, in the repository or below a folder of it."""
    if path.endswith("/"):
        return any(f"/{path}" in file for file in FILES)
    return any(file.endswith(f"/{path}") for file in FILES)


def named_paths(text):
    spans = re.findall(r"`([^`\s]+)`", without_examples(text))
    files = r"[\w./-]+\.(?:py|md|ts|svelte|sql|toml|lock|svg)"
    return [span for span in spans if re.fullmatch(rf"{files}|[\w-]+(?:/[\w-]+)*/", span)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_paths_that_a_document_names_exist(document):
    text = document.read_text()
    missing = {
        path
        for path in named_paths(text)
        if not ELSEWHERE.search(path) and not (document.parent / path).exists() and not exists(path)
    }

    assert missing == set()


def test_paths_that_docstrings_name_exist():
    pattern = re.compile(r"(?<![\w/.])(?:docs|bench|tests|scripts|packages)/[\w/-]+(?:\.\w+)*")
    missing = set()
    for file in FILES:
        if file.endswith((".py", ".ts", ".svelte")) and not file.startswith("/tests/docs/"):
            for path in pattern.findall((ROOT / file[1:]).read_text()):
                if not path.startswith("bench/results") and not any(
                    known.startswith(f"/{path}") for known in FILES
                ):
                    missing.add((file, path))

    assert missing == set()


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        "docs/architecture.md",
        "docs/images/gateway-and-ledger.svg",
        "src/daybook/web/status_page.py",
    ],
)
def test_the_one_sentence_is_the_same_everywhere(file):
    assert SENTENCE in (ROOT / file).read_text()


def test_the_source_tree_is_drawn_as_it_is():
    drawing = (
        (ROOT / "docs/architecture.md").read_text().partition("## The source tree")[2].partition("```\n\n")[0]
    )
    drawn = set(re.findall(r"^[├└]── ([\w./]+)", drawing, flags=re.MULTILINE))
    package = ROOT / "src/daybook"
    folders = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}
    modules = {path.name for path in package.glob("*.py") if path.stem not in {"__init__", "__main__"}}

    assert drawn == folders | modules


def test_commands_of_make_that_docstrings_name_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    sources = [file for file in FILES if file.endswith(".py") and not file.startswith("/tests/")]
    named = {
        name for file in sources for name in re.findall(r"`make ([a-z-]+)", (ROOT / file[1:]).read_text())
    }

    assert named <= targets
