"""`daybook diary`: show and refresh pages."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.options import Json
from daybook.cli.output import print_json, printable
from daybook.cli.work import read, write
from daybook.kit.errors import Invalid

if TYPE_CHECKING:
    from daybook.accounts.models import User
    from daybook.db.engine import ReadSession, WriteSession
    from daybook.lifelog.diary.schemas import DiaryResponse
    from daybook.lifelog.diary.service import Requested

app = typer.Typer(help="Diary pages, one per day, written from the day's events.", no_args_is_help=True)

Day = Annotated[str, typer.Argument(metavar="DATE", help="A day in the user's timezone: 2026-11-20.")]
Person = Annotated[str, typer.Option("--user", metavar="ACCOUNT", help="Owner of the page.")]


@app.command()
def show(day: Day, user: Person, as_json: Json = False) -> None:
    """Show a day's page.

    The user's own text comes first, then the generated text with remarks.
    """
    asked = _day(day)
    from daybook.lifelog.diary import service  # noqa: PLC0415  (here and below: see the package's docstring)

    async def get(session: "ReadSession") -> "DiaryResponse":
        return await service.get_page(session, await _user(session, user), asked)

    page = read(get)
    if as_json:
        print_json(page)
        return
    print(f"# {page.date.isoformat()}{_remarks(page)}")
    for text in (page.own_text, page.content):
        if text:
            print(f"\n{printable(text)}")
    if not page.own_text and not page.content:
        print(f"\nThere is no page. Events of the day: {page.events_count}.")
    if page.job is not None:
        print(
            f"\nJob {page.job.id} is {page.job.status}: {printable(page.job.error_message or page.job.phase or '-')}"
        )


@app.command()
def refresh(
    day: Day,
    user: Person,
    force: Annotated[
        bool, typer.Option("--force", help="Write it again even if its events have not changed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let a worker write a page if its events have changed.

    If they have not changed, no model is called.
    """
    asked = _day(day)
    from daybook.lifelog.diary import service  # noqa: PLC0415

    async def request(session: "WriteSession") -> "Requested":
        return await service.request_page(session, await _user(session, user), asked, force=force)

    requested = write(request)
    if as_json:
        print_json({"job_id": requested.job_id and str(requested.job_id), "page": requested.page})
    elif requested.page is not None:
        print(f"The page of {asked.isoformat()} is up to date (version {requested.page.version}).")
    else:
        print(f"Job {requested.job_id} writes the page. Follow it: daybook jobs show {requested.job_id}")


def _remarks(page: "DiaryResponse") -> str:
    """Remarks on the generated text, in brackets."""
    told = [
        f"version {page.version}" if page.version else "",
        f"{page.language}, {page.tone}" if page.language else "",
        f"by {page.model}" if page.model else "",
        "offline demo model" if page.is_demo else "",
        "its events have changed since" if page.is_stale else "",
        "own and generated text" if page.own_text and page.content else "",
    ]
    words = "; ".join(part for part in told if part)
    return f" ({printable(words)})" if words else ""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("DATE: must be a day such as 2026-11-20.") from None


async def _user(session: "ReadSession | WriteSession", name: str) -> "User":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.cli.names import user_id_of  # noqa: PLC0415

    return await service.get_user(session, await user_id_of(session, name))
