"""`daybook events`: import events."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.names import user_id_of
from daybook.cli.options import Json
from daybook.cli.output import print_json, printable
from daybook.cli.work import write
from daybook.kit.errors import Invalid

if TYPE_CHECKING:
    from daybook.db.engine import WriteSession
    from daybook.lifelog.events.imports.schemas import ImportResponse
    from daybook.lifelog.events.imports.service import Format

app = typer.Typer(help="Events of the day.", no_args_is_help=True)

_FORMATS: "dict[str, Format]" = {
    ".json": "json",
    ".csv": "csv",
    ".ics": "icalendar",
    ".ical": "icalendar",
    ".ifb": "icalendar",
}


@app.callback()
def events() -> None:
    """Events of the day."""


@app.command("import")
def import_events(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file in JSON, CSV or iCalendar.")],
    user: Annotated[str, typer.Option("--user", help="Owner of the events: account or id.")],
    format_name: Annotated[
        str | None, typer.Option("--format", help="json, csv or icalendar; default: by the file's name.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Import events from a file. Unreadable entries are listed by line; the others are imported.

    Importing a file again updates changed events and duplicates none.
    """
    format_wanted = _format(format_name, file)
    data = file.read_bytes()
    report = write(lambda session: _import(session, user, data, format_wanted))
    if as_json:
        print_json(report)
    else:
        _print(report)
    if report.problem_count:
        raise typer.Exit(1)


def _format(name: str | None, file: Path) -> "Format | None":
    if name is None:
        return _FORMATS.get(file.suffix.casefold())
    for known in _FORMATS.values():
        if name == known:
            return known
    raise Invalid("--format must be json, csv or icalendar.")


def _print(report: "ImportResponse") -> None:
    counts = [
        f"{report.created:,} {'event' if report.created == 1 else 'events'} created",
        f"{report.updated:,} changed",
        f"{report.unchanged:,} unchanged",
    ]
    if report.kept:
        counts.append(f"{report.kept:,} kept with your edits")
    if report.problem_count:
        counts.append(f"{report.problem_count:,} unreadable")
    print(f"{', '.join(counts)}.")
    for problem in report.problems:
        print(printable(f"line {problem.line}: {problem.message}"))
    if report.problem_count > len(report.problems):
        print(f"… and {report.problem_count - len(report.problems)} more.")


async def _import(
    session: "WriteSession", user: str, data: bytes, format_wanted: "Format | None"
) -> "ImportResponse":
    from daybook.accounts import service as accounts  # noqa: PLC0415  (see the package's docstring)
    from daybook.lifelog.events.imports import service  # noqa: PLC0415
    from daybook.lifelog.events.imports.schemas import ImportResponse  # noqa: PLC0415

    owner = await accounts.get_user(session, await user_id_of(session, user))
    return ImportResponse.of(await service.import_events(session, owner, data, format_wanted))
