"""`daybook diary`: pages, read and asked for."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.options import Json
from daybook.cli.output import print_json, printable
from daybook.cli.work import work
from daybook.kit.errors import Invalid

if TYPE_CHECKING:
    from daybook.accounts.models import User
    from daybook.db.engine import Database, ReadSession, WriteSession
    from daybook.lifelog.diary.schemas import DiaryResponse
    from daybook.lifelog.diary.service import Requested

app = typer.Typer(help="A page for each day, written from the day's events.", no_args_is_help=True)

Day = Annotated[str, typer.Argument(metavar="DATE", help="A day in the person's timezone: 2026-11-20.")]
Person = Annotated[str, typer.Option("--user", metavar="ACCOUNT", help="Whose page.")]


@app.command()
def show(day: Day, user: Person, as_json: Json = False) -> None:
    """Show a day's page.

    The person's own text, then what was written, and what is to be known of it.
    """
    asked = _day(day)
    page = work(lambda database: _get(database, user, asked))
    if as_json:
        print_json(page)
        return
    print(f"# {page.date.isoformat()}{_remarks(page)}")
    for text in (page.own_text, page.content):
        if text:
            print(f"\n{printable(text)}")
    if not page.own_text and not page.content:
        print(f"\nNothing is written. The day has {page.events_count} events.")
    if page.job is not None:
        print(
            f"\nJob {page.job.id} is {page.job.status}: {printable(page.job.error_message or page.job.phase or '-')}"
        )


@app.command()
def refresh(
    day: Day,
    user: Person,
    force: Annotated[
        bool, typer.Option("--force", help="Write anew, whether the events changed or not.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Have a page written, if its events have changed.

    A worker does it. No model is asked where the day's events are those that the page was written from.
    """
    asked = _day(day)
    requested = work(lambda database: _request(database, user, asked, force=force))
    if as_json:
        print_json({"job_id": requested.job_id and str(requested.job_id), "page": requested.page})
    elif requested.page is not None:
        print(f"The page of {asked.isoformat()} is up to date (version {requested.page.version}).")
    else:
        print(f"Job {requested.job_id} writes it. Follow it: daybook jobs show {requested.job_id}")


def _remarks(page: "DiaryResponse") -> str:
    """What is to be known of what was written, in brackets."""
    told = [
        f"version {page.version}" if page.version else "",
        f"{page.language}, {page.tone}" if page.language else "",
        f"by {page.model}" if page.model else "",
        "offline demo model" if page.is_demo else "",
        "its events have changed since" if page.is_stale else "",
        "own text and what was written" if page.own_text and page.content else "",
    ]
    words = "; ".join(part for part in told if part)
    return f" ({printable(words)})" if words else ""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("DATE: must be a day such as 2026-11-20.") from None


async def _get(database: "Database", user: str, day: date) -> "DiaryResponse":
    from daybook.lifelog.diary import service  # noqa: PLC0415  (here and below: see the package's docstring)

    async with database.read() as session:
        return await service.get_page(session, await _person(session, user), day)


async def _request(database: "Database", user: str, day: date, *, force: bool) -> "Requested":
    from daybook.lifelog.diary import service  # noqa: PLC0415

    async with database.write() as session:
        return await service.request_page(session, await _person(session, user), day, force=force)


async def _person(session: "ReadSession | WriteSession", name: str) -> "User":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.cli.names import user_id_of  # noqa: PLC0415

    return await service.get_user(session, await user_id_of(session, name))
