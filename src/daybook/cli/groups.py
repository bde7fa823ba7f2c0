"""`daybook group`: what activation codes belong to."""

from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.options import MOST, Json
from daybook.cli.output import print_json, print_table
from daybook.cli.work import work

if TYPE_CHECKING:
    from daybook.accounts.schemas import GroupResponse
    from daybook.db.engine import Database

app = typer.Typer(help="Groups, which activation codes belong to.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: Json = False,
) -> None:
    """Make a group."""
    group = work(lambda database: _add(database, name, description))
    if as_json:
        print_json(group)
    else:
        print(f"Group {group.name} is made. Give it a code: daybook code add --group {group.name!r}")


@app.command("list")
def list_groups(
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones too.")] = False,
    as_json: Json = False,
) -> None:
    """List the groups."""
    found = work(lambda database: _all(database, archived=archived))
    if as_json:
        print_json(found)
        return
    print_table(
        ["id", "name", "tokens used", "made (UTC)", "archived (UTC)"],
        [
            [str(group.id), group.name, group.token_usage, group.created_at, group.archived_at]
            for group in found
        ],
        empty="There are no groups. Make one: daybook group add NAME",
    )


async def _add(database: "Database", name: str, description: str | None) -> "GroupResponse":
    from daybook.accounts import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.accounts.schemas import GroupResponse  # noqa: PLC0415

    async with database.write() as session:
        group = await service.create_group(session, name, description)
        await session.refresh(group)
        return GroupResponse.model_validate(group)


async def _all(database: "Database", *, archived: bool) -> "list[GroupResponse]":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import GroupResponse  # noqa: PLC0415

    async with database.read() as session:
        page = await service.list_groups(session, archived=archived, page_size=MOST)
        return [GroupResponse.model_validate(group) for group in page.list]
