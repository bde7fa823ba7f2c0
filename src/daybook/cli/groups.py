"""`daybook group`: groups of activation codes."""

from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.options import MOST, Json
from daybook.cli.output import print_json, print_result, print_table
from daybook.cli.work import read, write

if TYPE_CHECKING:
    from daybook.accounts.schemas import GroupResponse
    from daybook.db.engine import ReadSession, WriteSession

app = typer.Typer(help="Groups of activation codes.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: Json = False,
) -> None:
    """Create a group."""
    group = write(lambda session: _add(session, name, description))
    sentence = f"Group {group.name} is created. Add a code: daybook code add --group {group.name!r}"
    print_result(group, sentence, as_json=as_json)


@app.command("list")
def list_groups(
    archived: Annotated[bool, typer.Option("--archived", help="Include archived ones.")] = False,
    as_json: Json = False,
) -> None:
    """List the groups."""
    found = read(lambda session: _all(session, archived=archived))
    if as_json:
        print_json(found)
        return
    print_table(
        ["id", "name", "tokens used", "created (UTC)", "archived (UTC)"],
        [
            [str(group.id), group.name, group.token_usage, group.created_at, group.archived_at]
            for group in found
        ],
        empty="There are no groups. Create one: daybook group add NAME",
    )


async def _add(session: "WriteSession", name: str, description: str | None) -> "GroupResponse":
    from daybook.accounts import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.accounts.schemas import GroupResponse  # noqa: PLC0415

    group = await service.create_group(session, name, description)
    await session.refresh(group)
    return GroupResponse.model_validate(group)


async def _all(session: "ReadSession", *, archived: bool) -> "list[GroupResponse]":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import GroupResponse  # noqa: PLC0415

    page = await service.list_groups(session, archived=archived, page_size=MOST)
    return [GroupResponse.model_validate(group) for group in page.list]
