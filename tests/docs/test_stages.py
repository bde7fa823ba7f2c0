"""The stages of a call in architecture.md are those of the code, in its order."""

import ast
import re
from functools import cache

from support.sources.documents import ROOT

GATEWAY = ROOT / "src" / "daybook" / "gateway"
SECTION = (
    (ROOT / "docs/architecture.md").read_text().partition("\n## Stages of a call\n")[2].partition("\n## ")[0]
)
STAGES = re.findall(r"^\| [\w ]+ \| `([\w/]+)\.py` `(\w+)` \|", SECTION, flags=re.MULTILINE)


def test_the_stages_are_those_of_the_code_in_its_order():
    assert len(STAGES) > 5
    files = {file for file, _ in STAGES}
    walked = list(
        dict.fromkeys(stage for stage in walk("app", "Gateway", "__call__", files) if stage in STAGES)
    )

    assert walked == STAGES


def test_the_package_lists_the_same_stages():
    listed = re.findall(r"^\d+\. `([\w/]+)`:", (GATEWAY / "__init__.py").read_text(), flags=re.MULTILINE)

    assert listed == [file for file, _ in STAGES]


def test_the_packages_docstring_lists_the_same_stages():
    docstring = ast.get_docstring(ast.parse((GATEWAY / "__init__.py").read_text())) or ""

    assert re.findall(r"^\d+\. `([\w/]+)`:", docstring, flags=re.MULTILINE) == [file for file, _ in STAGES]


def test_every_file_of_a_call_is_named():
    files = {f"{path.name}" for path in (GATEWAY / "call").glob("*.py")} - {"__init__.py"}

    assert {file for file in files if file not in SECTION} == set()


def test_every_folder_of_the_gateway_is_named():
    folders = {f"`{path.name}/`" for path in GATEWAY.iterdir() if (path / "__init__.py").exists()}

    assert set(re.findall(r"^\| (`\w+/`) \|", SECTION, flags=re.MULTILINE)) == folders


def walk(file, owner, name, leaves):
    """Yield (file, function) for each call to the gateway's code, in order, on the way of a call that succeeds.

    Functions of files that are not `leaves` are followed. Branches that leave early are not, nor are exceptions.
    """
    module = Module.of(file)
    for call in calls(module.function(owner, name).body):
        target = module.target(call, owner)
        if target is None:
            continue
        to, to_owner, function = target
        yield to, function
        if to not in leaves and Module.of(to).function(to_owner, function) is not None:
            yield from walk(to, to_owner, function, leaves)


def calls(statements):
    """Yield the calls in the order in which they are evaluated, without branches that end in `return` or `raise`."""
    for node in statements:
        if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return | ast.Raise):
            yield from calls([node.test, *node.orelse])
        elif not isinstance(node, ast.ExceptHandler):
            yield from calls(ast.iter_child_nodes(node))
            if isinstance(node, ast.Call):
                yield node


class Module:
    """One file of the gateway: its functions, its imports from the gateway, the types of attributes."""

    @classmethod
    @cache
    def of(cls, file):
        return cls(file)

    def __init__(self, file):
        self.file = file
        self.body = ast.parse((GATEWAY / f"{file}.py").read_text()).body
        self.imported = {
            alias.name: node.module.removeprefix("daybook.gateway.").replace(".", "/")
            for node in self.body
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("daybook.gateway.")
            for alias in node.names
        }

    def function(self, owner, name):
        scope = self.body
        if owner is not None:
            scope = next(
                (one.body for one in scope if isinstance(one, ast.ClassDef) and one.name == owner), []
            )
        found = (
            one
            for one in scope
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == name
        )
        return next(found, None)

    def target(self, call, owner):
        """Return (file, class, function) of a call; None if it is not the gateway's."""
        match call.func:
            case ast.Name(id=name) if name in self.imported:
                return self.imported[name], None, name
            case ast.Name(id=name) if self.function(None, name):
                return self.file, None, name
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if self.function(owner, name):
                return self.file, owner, name
            case ast.Attribute(value=ast.Call(func=ast.Name(id=made)), attr=name) if made in self.imported:
                return self.imported[made], made, name
            case ast.Attribute(value=ast.Attribute(attr=field), attr=name):
                found = self.fields(owner).get(field) or Module.of("call/resources").fields(
                    "GatewayResources"
                ).get(field)
                return found and (*found, name)
            case _:
                return None

    @cache  # noqa: B019
    def fields(self, owner):
        """Return the class of each attribute, by annotations of the class and of `__init__`'s arguments."""
        defined = next(
            (one for one in self.body if isinstance(one, ast.ClassDef) and one.name == owner), None
        )
        made = self.function(owner, "__init__")
        annotated = {
            one.target.id: one.annotation
            for one in (defined.body if defined else [])
            if isinstance(one, ast.AnnAssign)
        }
        if made is not None:
            annotated |= {f"_{one.arg}": one.annotation for one in made.args.args if one.annotation}
        types = {field: ast.unparse(annotation) for field, annotation in annotated.items()}
        return {field: (self.imported[name], name) for field, name in types.items() if name in self.imported}
