"""Events in CSV: the first line names the columns; objects are in one cell, separated by semicolons."""

import csv
import io
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from daybook.kit.errors import Invalid
from daybook.lifelog.events.imports.rows import Fields, Problem, Row, row_of

_COLUMNS = frozenset(Fields.model_fields)


def rows(text: str, zone: tzinfo) -> Iterator[Row | Problem]:
    """Yield the events of `text`; `line` is where a row begins. Raises `Invalid` if the first line is no heading."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    try:
        names = _names(next(reader, []))
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            if any(cell.strip() for cell in cells):
                yield _row(line, names, cells, zone)
    except csv.Error as error:
        yield Problem(line, f"From here on the file cannot be read as CSV: {error}.")


def _delimiter(text: str) -> str:
    return max(",;\t", key=text.partition("\n")[0].count)


def _names(heading: list[str]) -> list[str]:
    names = [name.strip().casefold() for name in heading]
    if "start_time" not in names:
        raise Invalid("The first line has to name the columns, start_time among them.")
    if unknown := [name for name in names if name not in _COLUMNS]:
        known = ", ".join(Fields.model_fields)
        raise Invalid(f"The column {unknown[0][:50]!r} is not known. Columns can be: {known}.")
    if len(set(names)) < len(names):
        raise Invalid("The first line names a column twice.")
    return names


def _row(line: int, names: list[str], cells: list[str], zone: tzinfo) -> Row | Problem:
    if len(cells) > len(names):
        return Problem(line, f"Has {len(cells)} cells, and there are {len(names)} columns.")
    values: dict[str, Any] = {
        name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()
    }
    if "objects" in values:
        values["objects"] = values["objects"].split(";")
    return row_of(line, values, zone)
