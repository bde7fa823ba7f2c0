"""What documents say of settings, commands, dependencies and each other is so, and nothing is left out."""

import ast
import re
import shlex
import tomllib

import pytest
from pydantic_core import PydanticUndefined
from typer.main import get_command

from daybook.cli import app as command_line
from daybook.settings import Settings, default_data
from support.sources.documents import (
    DOCUMENTS,
    HOWTO,
    ROOT,
    anchors,
    code,
    commands,
    examples,
    rows,
    without_examples,
)

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)

# Settings


def test_every_setting_is_documented_with_its_default():
    documented = {code(cells[0]): cells[1] for cells in rows((HOWTO / "settings.md").read_text())}

    assert documented == {_variable(name): _default(name) for name in Settings.model_fields}


@each_document
def test_variables_that_are_named_are_settings(document):
    known = {f"DAYBOOK_{name.upper()}" for name in Settings.model_fields}
    known |= {"DAYBOOK_KEY", "DAYBOOK_FAILPOINT"}  # read by `daybook config set`, and by tests of crashes

    if document.name == "CHANGELOG.md":
        known.add("DAYBOOK_FAULT")  # the name before

    assert set(re.findall(r"\bDAYBOOK_[A-Z_]+[A-Z]\b", document.read_text())) <= known


def _variable(name):
    return "DATABASE_URL" if name == "database_url" else f"DAYBOOK_{name.upper()}"


def _default(name):
    if name == "data":
        assert default_data() == ROOT / "data"
        return "`data` in the checkout"
    default = Settings.model_fields[name].default
    assert default is not PydanticUndefined
    if default in {None, ""}:
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


# Commands


def test_every_command_is_documented_with_its_options():
    documented = {}
    for section in re.split(r"^### (?=daybook )", (HOWTO / "cli.md").read_text(), flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        first_cells = " ".join(cells[0] for cells in rows(text))
        documented[title.strip()] = set(re.findall(r"`(--[a-z-]+)`", first_cells))

    assert documented == {" ".join(path): _options(command) for path, command in _all_commands()}


@each_document
def test_commands_in_examples_exist(document):
    for line in commands(document.read_text()):
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        if words:
            _check(words, line)


@each_document
def test_commands_in_sentences_exist(document):
    for command in re.findall(r"`((?:daybook|make) [^`\n]+)`", without_examples(document.read_text())):
        _check(shlex.split(command), command)


def test_the_two_commands_of_the_readme_are_make_targets():
    shown = {line.partition("#")[0].strip() for line in commands((ROOT / "README.md").read_text())}

    assert {"make run", "make test"} <= shown
    assert {"run", "test", "check", "bench-gateway"} <= _make_targets()


def _all_commands():
    """Every command that does something, with the words that call it."""

    def walk(command, path):
        children = getattr(command, "commands", {})
        if not children or command.invoke_without_command:
            yield path, command
        for name, child in children.items():
            yield from walk(child, (*path, name))

    return list(walk(get_command(command_line), ("daybook",)))


def _options(command):
    names = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    return {name for name in names if name.startswith("--")} - {"--help"}


def _check(words, example):
    """Fail where `words` call a command, an option or a target that is not there."""
    if words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= _make_targets(), example
    elif words[0] in {"daybook", ".venv/bin/daybook"}:
        command, rest = get_command(command_line), words[1:]
        while rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest.pop(0)]
        assert not (rest and hasattr(command, "commands") and not rest[0].startswith("-")), example
        options = {word.partition("=")[0] for word in rest if word.startswith("--")} - {"--help"}
        assert options <= _options(command), example


def _make_targets():
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


# Foundations, links, examples


def test_every_dependency_has_its_reason():
    page = (ROOT / "docs/decisions/0001-foundations.md").read_text()
    daybook = tomllib.loads((ROOT / "pyproject.toml").read_text())
    library = tomllib.loads((ROOT / "packages/llm-tracker/pyproject.toml").read_text())
    needed = {
        "What Daybook needs to run": _packages(daybook["project"]),
        "What the library needs": _packages(library["project"]),
        "What contributors need": _names(daybook["dependency-groups"].values()),
    }

    for heading, packages in needed.items():
        section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        assert {name for name in packages if f"`{name}`" not in section} == set(), heading


def _packages(project):
    return _names([project["dependencies"], *project.get("optional-dependencies", {}).values()])


def _names(lists):
    return {
        re.split(r"[\[<>=;~! ]", requirement)[0] for requirements in lists for requirement in requirements
    }


def test_every_decision_is_listed():
    listed = set(re.findall(r"decisions/([\w-]+\.md)", (ROOT / "docs/architecture.md").read_text()))

    assert listed == {path.name for path in (ROOT / "docs/decisions").glob("*.md")}


@each_document
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_examples(document.read_text())):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.is_relative_to(ROOT), target
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


@each_document
def test_python_examples_compile(document):
    for example in examples(document.read_text(), "python"):
        compile(example, document.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_messages_that_are_quoted_are_in_the_code():
    source = "".join(path.read_text() for path in (ROOT / "src/daybook").rglob("*.py"))
    source = re.sub(r'"\s*\n\s*f?"', "", source)  # strings over several lines
    quoted = re.findall(r'^\*\*"(.+?)"\*\*', (HOWTO / "troubleshooting.md").read_text(), flags=re.MULTILINE)
    parts = {
        part.strip(" .") for message in quoted for part in re.split(r"…|8400|demo model(?= cannot)", message)
    }

    assert len(quoted) > 5
    assert {part for part in parts if part not in source} == set()


def test_the_output_of_the_first_run_is_that_of_the_launcher():
    source = "".join(path.read_text() for path in (ROOT / "src/daybook/launcher").rglob("*.py"))
    (shown,) = re.findall(
        r"^```\n(Daybook .*?)^```", (HOWTO / "first-run.md").read_text(), re.MULTILINE | re.DOTALL
    )
    stages = re.findall(
        r"^  ([\w ]+?)(?: \(SmolLM2.*?\))?: (.+?)(?: \([\d.]+ s\))?$", shown, flags=re.MULTILINE
    )

    assert len(stages) == 4
    for _, outcome in stages:
        assert all(part in source for part in outcome.split("PostgreSQL ") if part), outcome
