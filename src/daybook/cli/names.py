"""Names that were typed, as the ids of users, groups and configurations."""

from typing import TYPE_CHECKING

from daybook.kit.errors import NotFound

if TYPE_CHECKING:
    from daybook.db.engine import ReadSession, WriteSession


async def user_id_of(session: "ReadSession | WriteSession", name: str) -> int:
    """The id of a user, who is named by account or, where nobody is called that, by id. Raises `NotFound`."""
    from daybook.accounts import service  # noqa: PLC0415  (here and below: see the package's docstring)

    try:
        return (await service.get_user_by_account(session, name)).id
    except NotFound:
        if not _is_id(name):
            raise
    return (await service.get_user(session, int(name))).id


async def group_id_of(session: "ReadSession | WriteSession", name: str) -> int:
    """The id of a group, by name or, where none is called that, by id. Raises `NotFound`."""
    from daybook.accounts import service  # noqa: PLC0415

    try:
        return (await service.get_group_by_name(session, name)).id
    except NotFound:
        if not _is_id(name):
            raise
    return (await service.get_group(session, int(name))).id


async def config_id_of(session: "ReadSession | WriteSession", name: str) -> int:
    """The id of a configuration, by name or else by id, which need not be there any more: history is.

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
