"""`daybook code`: activation codes, which programs show to use the gateway."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.names import group_id_of, user_id_of
from daybook.cli.options import MOST, Json
from daybook.cli.output import cell, print_json, print_table
from daybook.cli.work import work

if TYPE_CHECKING:
    from daybook.accounts.schemas import CodeResponse, NewCodeResponse
    from daybook.accounts.service import CodeTerms
    from daybook.db.engine import Database

app = typer.Typer(help="Activation codes, which programs show to use the gateway.", no_args_is_help=True)

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def moment(text: str) -> datetime:
    """When a code ends: `30d`, `12h`, a date (its whole day included) or a time; UTC without an offset."""
    try:
        if text[-1:] in _UNITS and text[:-1].isdecimal():
            return datetime.now(UTC) + int(text[:-1]) * _UNITS[text[-1]]
        if len(text) == len("2026-01-31"):
            return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "must be 30d, 12h, a date such as 2026-01-31, or a time (ISO 8601)"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@app.command()
def add(
    group: Annotated[str, typer.Option(help="Group: name or id.")] = "default",
    user: Annotated[str | None, typer.Option(help="User whose code it is: account or id.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    models: Annotated[
        str | None, typer.Option(help="Models it may call, with commas between: gpt-4o,claude-*; else all.")
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Requests per minute.")] = None,
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens per minute.")] = None,
    expires: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="WHEN", help="30d, 12h, a date, or a time.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an activation code. It is shown this once."""
    from daybook.accounts.service import CodeTerms  # noqa: PLC0415  (here and below: see the package's docstring)

    patterns = None if models is None else [text.strip() for text in models.split(",")]
    terms = CodeTerms(name, patterns, rpm, tpm, expires)
    new = work(lambda database: _add(database, group, user, terms))
    if as_json:
        print_json(new)
    else:
        print(new.code)
        print(f"Keep it: it is not shown again. In lists and logs it is {new.public_id}.")


@app.command()
def revoke(public_id: Annotated[str, typer.Argument(metavar="PUBLIC_ID")], as_json: Json = False) -> None:
    """Revoke a code, for good. Calls with it are refused within two seconds."""
    code = work(lambda database: _revoke(database, public_id))
    if as_json:
        print_json(code)
    else:
        print(f"Code {code.public_id} is revoked.")


@app.command("list")
def list_codes(
    group: Annotated[str | None, typer.Option(help="Only of this group: name or id.")] = None,
    user: Annotated[str | None, typer.Option(help="Only of this user: account or id.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Only those that can be used.")] = False,
    as_json: Json = False,
) -> None:
    """List activation codes by public id, newest first.

    The codes themselves are not kept.
    """
    found, groups, users = work(lambda database: _all(database, group, user, live=live))
    if as_json:
        print_json(found)
        return
    print_table(
        [
            "public id",
            "name",
            "group",
            "user",
            "models",
            "rpm",
            "tpm",
            "tokens used",
            "expires (UTC)",
            "revoked (UTC)",
        ],
        [
            [
                code.public_id,
                code.name,
                groups.get(code.group_id, str(code.group_id)),
                None if code.user_id is None else users.get(code.user_id, str(code.user_id)),
                "all" if code.models is None else cell(code.models, 40),
                code.requests_per_minute,
                code.tokens_per_minute,
                code.token_usage,
                code.expires_at,
                code.revoked_at,
            ]
            for code in found
        ],
        empty="There are no codes. Make one: daybook code add",
    )


async def _add(database: "Database", group: str, user: str | None, terms: "CodeTerms") -> "NewCodeResponse":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import CodeResponse, NewCodeResponse  # noqa: PLC0415

    async with database.write() as session:
        group_id = await group_id_of(session, group)
        user_id = None if user is None else await user_id_of(session, user)
        new = await service.create_code(session, group_id, terms, user_id=user_id)
        await session.refresh(new.row)
        return NewCodeResponse(**CodeResponse.model_validate(new.row).model_dump(), code=new.code)


async def _revoke(database: "Database", public_id: str) -> "CodeResponse":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import CodeResponse  # noqa: PLC0415

    async with database.write() as session:
        code = await service.revoke_code(session, public_id)
        await session.refresh(code)
        return CodeResponse.model_validate(code)


async def _all(
    database: "Database", group: str | None, user: str | None, *, live: bool
) -> "tuple[list[CodeResponse], dict[int, str], dict[int, str]]":
    """The codes, and the names of groups and users by id."""
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import CodeResponse  # noqa: PLC0415

    async with database.read() as session:
        page = await service.list_codes(
            session,
            group_id=None if group is None else await group_id_of(session, group),
            user_id=None if user is None else await user_id_of(session, user),
            live=live,
            page_size=MOST,
        )
        groups = await service.list_groups(session, archived=True, page_size=MOST)
        users = await service.list_users(session, page_size=MOST)
        return (
            [CodeResponse.model_validate(code) for code in page.list],
            {row.id: row.name for row in groups.list},
            {row.id: row.account for row in users.list},
        )
