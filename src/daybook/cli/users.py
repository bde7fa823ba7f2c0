"""`daybook user`: people who sign in."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.options import MOST, Json
from daybook.cli.output import print_json, print_table
from daybook.cli.work import work
from daybook.kit.errors import Invalid

if TYPE_CHECKING:
    from daybook.accounts.schemas import NewUserResponse, UserResponse
    from daybook.accounts.service import NewUser
    from daybook.db.engine import Database

app = typer.Typer(help="People who sign in.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(metavar="ACCOUNT")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
Generate = Annotated[
    bool, typer.Option("--generate", help="Make a password and show it once; so it is without a terminal.")
]


@app.command()
def add(
    account: Account,
    admin: Annotated[bool, typer.Option("--admin", help="An administrator.")] = False,
    timezone: Annotated[str, typer.Option(help="IANA name; decides what a day is.")] = "UTC",
    password_stdin: FromStdin = False,
    generate: Generate = False,
    as_json: Json = False,
) -> None:
    """Make a user."""
    password = _password(from_stdin=password_stdin, generate=generate)
    user = work(lambda database: _add(database, account, timezone, password, admin=admin))
    _print(user, f"User {user.account} is made.", as_json=as_json)


@app.command("password")
def set_password(
    account: Account, password_stdin: FromStdin = False, generate: Generate = False, as_json: Json = False
) -> None:
    """Give a user another password. They are signed out everywhere."""
    password = _password(from_stdin=password_stdin, generate=generate)
    user = work(lambda database: _set_password(database, account, password))
    _print(user, f"User {user.account} has another password and is signed out everywhere.", as_json=as_json)


@app.command("list")
def list_users(as_json: Json = False) -> None:
    """List the users by account."""
    found = work(_all)
    if as_json:
        print_json(found)
        return
    print_table(
        ["id", "account", "role", "active", "timezone", "tokens used", "made (UTC)"],
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
        empty="There are no users. Make one: daybook user add ACCOUNT --admin",
    )


def _password(*, from_stdin: bool, generate: bool) -> str | None:
    """The password to set; None to have one made."""
    if from_stdin:
        text = sys.stdin.readline().rstrip("\r\n")
        if not text:
            raise Invalid("--password-stdin: standard input holds no password.")
        return text
    if generate or not sys.stdin.isatty():
        return None
    return typer.prompt("Password (not shown)", hide_input=True, confirmation_prompt=True)


def _print(user: "NewUserResponse", words: str, *, as_json: bool) -> None:
    if as_json:
        print_json(user)
        return
    print(words)
    if user.password is not None:
        print(f"The password is {user.password} - keep it: it is not shown again.")


async def _add(
    database: "Database", account: str, timezone: str, password: str | None, *, admin: bool
) -> "NewUserResponse":
    from daybook.accounts import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.accounts.models import Role  # noqa: PLC0415

    async with database.write() as session:
        role = Role.ADMIN if admin else Role.USER
        new = await service.create_user(session, account, password=password, role=role, timezone=timezone)
        await session.refresh(new.user)
        return _view(new, shows_password=password is None)


async def _set_password(database: "Database", account: str, password: str | None) -> "NewUserResponse":
    from daybook.accounts import service  # noqa: PLC0415

    async with database.write() as session:
        new = await service.set_password(session, account, password)
        await session.refresh(new.user)
        return _view(new, shows_password=password is None)


async def _all(database: "Database") -> "list[UserResponse]":
    from daybook.accounts import service  # noqa: PLC0415
    from daybook.accounts.schemas import UserResponse  # noqa: PLC0415

    async with database.read() as session:
        page = await service.list_users(session, page_size=MOST)
        return [UserResponse.model_validate(user) for user in page.list]


def _view(new: "NewUser", *, shows_password: bool) -> "NewUserResponse":
    from daybook.accounts.schemas import NewUserResponse, UserResponse  # noqa: PLC0415

    view = UserResponse.model_validate(new.user)
    return NewUserResponse(**view.model_dump(), password=new.password if shows_password else None)
