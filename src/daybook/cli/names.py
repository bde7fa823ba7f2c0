"""Resolve names of users, groups and configurations to ids."""

from typing import TYPE_CHECKING

from daybook.kit.errors import NotFound

if TYPE_CHECKING:
    from daybook.db.engine import ReadSession, WriteSession


async def user_id_of(session: "ReadSession | WriteSession", name: str) -> int:
    """The id of a user, given by account or else by id. Raises `NotFound`."""
    from daybook.accounts import service  # noqa: PLC0415  (here and below: see the package's docstring)

    try:
        return (await service.get_user_by_account(session, name)).id
    except NotFound:
        if not _is_id(name):
            raise
    return (await service.get_user(session, int(name))).id


async def group_id_of(session: "ReadSession | WriteSession", name: str) -> int:
    """The id of a group, given by name or else by id. Raises `NotFound`."""
    from daybook.accounts import service  # noqa: PLC0415

    try:
        return (await service.get_group_by_name(session, name)).id
    except NotFound:
        if not _is_id(name):
            raise
    return (await service.get_group(session, int(name))).id


async def config_id_of(session: "ReadSession | WriteSession", name: str) -> int:
    """The id of a configuration, given by name or else by id. A deleted one's id is valid, as its calls stay.

    Raises `NotFound`.
    """
    from daybook.gateway.providers import service  # noqa: PLC0415

    try:
        return await service.config_id_of(session, name)
    except NotFound:
        if not _is_id(name):
            raise
    return int(name)


def _is_id(name: str) -> bool:
    return name.isascii() and name.isdecimal() and int(name) <= 2**31 - 1
