"""The documents name every path, error code and header of the API and the gateway, and none that is gone."""

import ast
import re

from daybook.db.engine import Database
from daybook.gateway.apis import table as apis
from daybook.gateway.providers.kinds import PROVIDERS
from daybook.settings import Settings
from daybook.web.app import create_app
from support.sources.documents import DOCUMENTS, HOWTO, ROOT, code, paths, rows

API = (HOWTO / "api.md").read_text()
GATEWAY = (HOWTO / "gateway.md").read_text()


async def test_every_path_of_the_api_is_documented(tmp_path):
    database = Database.connect("postgresql://nobody@127.0.0.1/nothing")  # never asked
    schema = create_app(database, Settings(data=tmp_path)).openapi()
    await database.close()

    assert paths(API) == {
        (method.upper(), path) for path, methods in schema["paths"].items() for method in methods
    }


def test_every_path_of_the_gateway_is_documented():
    calls = {f"/v1/{tail}" for tail in apis.TABLE.by_path}
    calls |= {f"/v1beta/models/{{model}}:{action}" for action in apis.TABLE.by_action}
    lists = {f"/{version}/models{one}" for version in ("v1", "v1beta") for one in ("", "/{model}")}

    assert paths(GATEWAY) == {("POST", path) for path in calls} | {("GET", path) for path in lists}


def test_every_provider_is_documented():
    (table,) = re.findall(r"^\| provider \|.*?\n\n", GATEWAY, flags=re.MULTILINE | re.DOTALL)
    served = {name for cells in rows(table) for name in re.findall(r"`(\w+)`", cells[0])}
    (option,) = [cells[1] for cells in rows((HOWTO / "cli.md").read_text()) if cells[0] == "`--provider`"]
    help_of_option = (ROOT / "src/daybook/cli/configs.py").read_text()

    assert served == set(PROVIDERS)
    assert set(re.findall(r"`(\w+)`", option)) == set(PROVIDERS)
    assert all(name in help_of_option for name in PROVIDERS)


def test_what_is_documented_to_leave_a_call_log_only_leaves_no_line():
    for cells in rows(GATEWAY.partition("\n## Paths\n")[2].partition("\n## ")[0]):
        for method, path in re.findall(r"`([A-Z]+) (/[^`]+)`", cells[0]):
            route = apis.route_of(method, path.replace("{model}", "some"))
            leaves_line = route.kind == "call" and route.api is not None and route.api.line

            assert leaves_line == cells[2].startswith("line"), path


def test_every_error_code_of_the_gateway_is_documented_with_its_status():
    documented = {
        code(cells[0]): {int(number) for number in re.findall(r"\d{3}", cells[1])}
        for cells in rows(GATEWAY.partition("\n## Errors\n")[2])
    }
    raised, composed = _codes_in_source()
    for pattern, status in composed.items():  # `f"{what}_per_minute"` stands for several
        matching = {told: {status} for told in documented if re.fullmatch(pattern, told)}
        assert matching, pattern
        raised |= matching

    assert documented == raised


def _codes_in_source():
    """Every error code that the gateway's source names, with its statuses; patterns of those it composes,
    with theirs.

    A refusal is `Refusal(status, code, …)`, or a function called likewise; where a stream ends in an error
    there is a pair of code and sentence.
    """
    codes: dict[str, set[int]] = {}
    patterns: dict[str, int] = {}
    gateway = ROOT / "src/daybook/gateway"
    inside = {
        gateway / "apis",
        gateway / "internal",
        gateway / "transcript",
    }  # they raise no refusal of their own
    for file in (path for path in gateway.rglob("*.py") if path.parent not in inside):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case (
                    ast.Call(func=ast.Name(), args=[status, ast.Constant(value=str(name)), *_])
                    | ast.Tuple(elts=[status, ast.Constant(value=str(name))])
                ) if _is_code(name) and (statuses := _statuses(status)) is not None:
                    codes[name] = codes.get(name, set()) | statuses
                case ast.Call(
                    func=ast.Name(), args=[ast.Constant(value=int(number)), ast.JoinedStr() as text, *_]
                ):
                    patterns[_pattern(text)] = number
                case ast.Tuple(elts=[ast.Constant(value=str(name)), ast.Constant() | ast.JoinedStr()]):
                    codes |= {} if name in codes or not _is_code(name) else {name: set()}
                case _:
                    pass
    return codes, patterns


def _is_code(text):
    return text == "internal" or re.fullmatch(r"[a-z]+(_[a-z]+)+", text) is not None


def _statuses(node):
    """The statuses that an expression can be; none for the provider's own; None where it is no status."""
    match node:
        case ast.Constant(value=int(number)) if number in range(400, 600):
            return {number}
        case ast.IfExp(body=ast.Constant(value=int(one)), orelse=ast.Constant(value=int(other))):
            return {one, other}
        case ast.Name(id="status"):
            return set()
        case _:
            return None


def _pattern(text):
    parts = (re.escape(part.value) if isinstance(part, ast.Constant) else "[a-z]+" for part in text.values)
    return "".join(parts)


def test_headers_that_are_named_are_in_the_code():
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = {name for path in DOCUMENTS for name in re.findall(r"\bx-daybook-[a-z-]+[a-z]", path.read_text())}

    assert {"x-daybook-call-id", "x-daybook-metadata"} <= named
    assert {name for name in named if f'"{name}"' not in source} == set()
