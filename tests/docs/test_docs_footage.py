"""The page about footage names every error of uploads with its status, and none that is gone."""

import ast
import re

from daybook.lifelog.uploads import errors
from support.sources.documents import HOWTO, ROOT, rows

PAGE = (HOWTO / "footage.md").read_text()
UPLOADING = PAGE.partition("\n## Uploading\n")[2].partition("\n## ")[0]


def test_every_error_of_uploads_is_documented_with_its_status():
    documented = {
        (code, int(cells[0].strip("`")))
        for cells in rows(re.sub(r"^\| (\d{3}) ", r"| `\1` ", UPLOADING, flags=re.MULTILINE))
        if cells[0].strip("`").isdecimal()
        for code in re.findall(r"`([a-z0-9_]+)`", cells[1])
    }

    assert documented == set(_raised())


def _raised():
    """Every `TusError(STATUS, code, …)` of the source, and the refusals that end an upload."""
    for file in (ROOT / "src/daybook/lifelog/uploads").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id="TusError"),
                    args=[ast.Name(id=status), ast.Constant(value=str(code)), *_],
                ):
                    yield code, getattr(errors, status)
                case ast.Call(func=ast.Name(id="_refuse"), args=[_, _, _, ast.Constant(value=str(code)), _]):
                    yield code, errors.REFUSED
                case _:
                    pass
