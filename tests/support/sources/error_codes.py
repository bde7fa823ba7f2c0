"""The codes of errors as the sources have them: where each stands, and what it is given to be filled in with."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.sources.documents import ROOT

SOURCES = ROOT / "src" / "daybook"

KINDS = {
    "Invalid",
    "Unauthenticated",
    "Forbidden",
    "NotFound",
    "Conflict",
    "Limited",
    "Upstream",
    "Unavailable",
}
"""Of `kit.errors`. What is raised of these without a code has the kind's own."""

_SAYERS = {
    "error_response",
    "Failure",
    "JobFailed",
    "Refusal",
    "RefusedError",
    "TusError",
    "_failed",
    "_refuse",
}
"""What takes a code as one of its first arguments."""


@dataclass(frozen=True)
class Said:
    """A code in the sources. `details` are the names given with it; None where the source does not show them."""

    code: str | None
    where: str
    says: str
    """What is called, or the class."""
    details: frozenset[str] | None


@cache
def said() -> tuple[Said, ...]:
    """Every code that is written down somewhere, and every error of a kind that has none of its own."""
    trees = {path: ast.parse(path.read_text()) for path in sorted(SOURCES.rglob("*.py"))}
    errors = _codes_of(trees.values(), _errors(trees.values()))
    return tuple(one for path, tree in trees.items() for one in _of(path, tree, errors))


def _errors(trees: Iterable[ast.Module]) -> set[str]:
    """The names of all kinds of errors: those of `kit.errors`, and what is made of them anywhere."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    known = {"DaybookError"}
    while more := {name for name, of in bases.items() if of & known} - known:
        known |= more
    return known


def _codes_of(trees: Iterable[ast.Module], errors: set[str]) -> dict[str, str | None]:
    """The errors, each with the code that its class has of its own."""
    own = {
        node.name: str(ast.literal_eval(line.value))
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name in errors
        for line in node.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code"
    }
    return {name: own.get(name) for name in errors}


def _of(path: Path, tree: ast.Module, errors: dict[str, str | None]) -> Iterator[Said]:
    for node in ast.walk(tree):
        where = f"{path.relative_to(SOURCES)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.ClassDef) and node.name in errors:
            for line in node.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "code":
                    yield Said(ast.literal_eval(line.value), where, node.name, None)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {*errors, *_SAYERS}
        ):
            yield from _of_call(node, node.func.id, where, errors.get(node.func.id))


def _of_call(call: ast.Call, name: str, where: str, own: str | None) -> Iterator[Said]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "code" in given:
        code = given["code"]
    elif name in _SAYERS:
        code = next((one for one in call.args if _is_code(one)), None)
        if code is None:
            return  # handed on from where it is written down
    elif name in KINDS:
        yield Said(None, where, name, frozenset())
        return
    elif own is not None:
        code = ast.Constant(own)
    else:
        return
    if not isinstance(code, ast.Constant):
        return
    details = given.get("details") or next((one for one in call.args if isinstance(one, ast.Dict)), None)
    yield Said(str(code.value), where, name, _names(details))


def _is_code(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier()


def _names(details: ast.expr | None) -> frozenset[str] | None:
    if details is None:
        return frozenset()
    if not isinstance(details, ast.Dict):
        return None
    return frozenset(str(key.value) for key in details.keys if isinstance(key, ast.Constant))
