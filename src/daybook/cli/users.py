"""`daybook user`: users who can sign in."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.options import MOST, Json
from daybook.cli.output import print_json, print_result, print_table
from daybook.cli.work import read, write
from daybook.kit.errors import Invalid

if TYPE_CHECKING:
    from daybook.accounts.schemas import NewUserResponse, UserResponse
    from daybook.accounts.service import NewUser
    from daybook.db.engine import ReadSession, WriteSession

app = typer.Typer(help="Users who can sign in.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(metavar="ACCOUNT")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
Generate = Annotated[
    bool,
    typer.Option("--generate", help="Generate a password and show it once; the default without a terminal."),
]


@app.command()
def add(
    account: Account,
    admin: Annotated[bool, typer.Option("--admin", help="Make them an administrator.")] = False,
    timezone: Annotated[str, typer.Option(help="IANA name; it defines when a day begins.")] = "UTC",
    password_stdin: FromStdin = False,
    generate: Generate = False,
    as_json: Json = False,
) -> None:
    """Create a user."""
    password = _password(from_stdin=password_stdin, generate=generate)
    user = write(lambda session: _add(session, account, timezone, password, admin=admin))
    _print(user, f"User {user.account} is created.", as_json=as_json)


@app.command("password")
def set_password(
    account: Account, password_stdin: FromStdin = False, generate: Generate = False, as_json: Json = False
) -> None:
    """Set a user's password. They are signed out everywhere."""
    password = _password(from_stdin=password_stdin, generate=generate)
    user = write(lambda session: _set_password(session, account, password))
    _print(user, f"User {user.account} has a new password and is signed out everywhere.", as_json=as_json)


@app.command("list")
def list_users(as_json: Json = False) -> None:
    """List the users by account."""
    found = read(_all)
    if as_json:
        print_json(found)
        return
    print_table(
        ["id", "account", "role", "active", "timezone", "tokens used", "created (UTC)"],
        [
            [
                str(user.id),
                user.account,
                user.role.value,
                user.active,
                user.timezone,
                user.token_usage,
                user.created_at,
            ]
            for user in found
        ],
        empty="There are no users. Create one: daybook user add ACCOUNT --admin",
    )


def _password(*, from_stdin: bool, generate: bool) -> str | None:
    """The password to set; None to generate one."""
    if from_stdin:
        text = sys.stdin.readline().rstrip("\r\n")
        if not text:
            raise Invalid("--password-stdin: standard input is empty.")
        return text
    if generate or not sys.stdin.isatty():
        return None
    return typer.prompt("Password (not shown)", hide_input=True, confirmation_prompt=True)


def _print(user: "NewUserResponse", words: str, *, as_json: bool) -> None:
    if user.password is not None:
        words += f"\nThe password is {user.password} - keep it: it is not shown again."
    print_result(user, words, as_json=as_json)


async def _add(
    session: "WriteSession", account: str, timezone: str, password: str | None, *, admin: bool
) -> "NewUserResponse":
    from daybook.accounts import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.accounts.models import Role  # noqa: PLC0415

    role = Role.ADMIN if admin else Role.USER
    new = await service.create_user(session, account, password=password, role=role, timezone=timezone)
    return await _response(session, new, shows_password=password is None)


async def _set_password(session: "WriteSession", account: str, password: str | None) -> "NewUserResponse":
    from daybook.accounts import service  # noqa: PLC0415

    new = await service.set_password(session, account, password)
    return await _response(session, new, shows_password=password is None)


async def _all(session: "ReadSession") -> "list[UserResponse]":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import UserResponse  # noqa: PLC0415

    page = await service.list_users(session, page_size=MOST)
    return [UserResponse.model_validate(user) for user in page.list]


async def _response(session: "WriteSession", new: "NewUser", *, shows_password: bool) -> "NewUserResponse":
    from daybook.accounts.schemas import NewUserResponse, UserResponse  # noqa: PLC0415

    await session.refresh(new.user)
    view = UserResponse.model_validate(new.user)
    return NewUserResponse(**view.model_dump(), password=new.password if shows_password else None)
