"""`daybook code`: activation codes for the gateway."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.names import group_id_of, user_id_of
from daybook.cli.options import MOST, Json
from daybook.cli.output import cell, print_json, print_result, print_table
from daybook.cli.work import checked, read, write

if TYPE_CHECKING:
    from daybook.accounts.schemas import CodeResponse, CodeTerms, NewCodeResponse
    from daybook.db.engine import ReadSession, WriteSession

app = typer.Typer(help="Activation codes, with which programs use the gateway.", no_args_is_help=True)

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def moment(text: str) -> datetime:
    """Parse an expiry: `30d`, `12h`, a date (inclusive) or a time; UTC without an offset."""
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
    user: Annotated[str | None, typer.Option(help="Owner of the code: account or id.")] = None,
    name: Annotated[str | None, typer.Option(help="A name for it.")] = None,
    models: Annotated[
        str | None,
        typer.Option(help="Models it may call, separated by commas: gpt-4o,claude-*; default: all."),
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Requests per minute.")] = None,
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens per minute.")] = None,
    expires: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="WHEN", help="30d, 12h, a date, or a time.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create an activation code. It is shown only once."""
    from daybook.accounts.schemas import CodeTerms  # noqa: PLC0415  (here and below: see the package's docstring)

    patterns = None if models is None else [text.strip() for text in models.split(",")]
    terms = checked(
        CodeTerms,
        name=name,
        models=patterns,
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        expires_at=expires,
    )
    new = write(lambda session: _add(session, group, user, terms))
    hint = f"Keep it: it is not shown again. Lists and logs show it as {new.public_id}."
    print_result(new, f"{new.code}\n{hint}", as_json=as_json)


@app.command()
def revoke(public_id: Annotated[str, typer.Argument(metavar="PUBLIC_ID")], as_json: Json = False) -> None:
    """Revoke a code for good. Calls with it are refused within two seconds."""
    code = write(lambda session: _revoke(session, public_id))
    print_result(code, f"Code {code.public_id} is revoked.", as_json=as_json)


@app.command("list")
def list_codes(
    group: Annotated[str | None, typer.Option(help="Only of this group: name or id.")] = None,
    user: Annotated[str | None, typer.Option(help="Only of this user: account or id.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Only usable ones.")] = False,
    as_json: Json = False,
) -> None:
    """List activation codes by public id, newest first.

    The codes themselves are not stored.
    """
    found, groups, users = read(lambda session: _all(session, group, user, live=live))
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
        empty="There are no codes. Create one: daybook code add",
    )


async def _add(
    session: "WriteSession", group: str, user: str | None, terms: "CodeTerms"
) -> "NewCodeResponse":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import CodeResponse, NewCodeResponse  # noqa: PLC0415

    group_id = await group_id_of(session, group)
    user_id = None if user is None else await user_id_of(session, user)
    new = await service.create_code(session, group_id, terms, user_id=user_id)
    await session.refresh(new.row)
    return NewCodeResponse(**CodeResponse.model_validate(new.row).model_dump(), code=new.code)


async def _revoke(session: "WriteSession", public_id: str) -> "CodeResponse":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import CodeResponse  # noqa: PLC0415

    code = await service.revoke_code(session, public_id)
    await session.refresh(code)
    return CodeResponse.model_validate(code)


async def _all(
    session: "ReadSession", group: str | None, user: str | None, *, live: bool
) -> "tuple[list[CodeResponse], dict[int, str], dict[int, str]]":
    """The codes, and the names of groups and users by id."""
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import CodeResponse  # noqa: PLC0415

    group_id = None if group is None else await group_id_of(session, group)
    user_id = None if user is None else await user_id_of(session, user)
    page = await service.list_codes(session, group_id=group_id, user_id=user_id, live=live, page_size=MOST)
    return (
        [CodeResponse.model_validate(code) for code in page.list],
        await service.group_names(session, {code.group_id for code in page.list}),
        await service.account_names(
            session, {code.user_id for code in page.list if code.user_id is not None}
        ),
    )
