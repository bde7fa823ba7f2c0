"""Names that were typed, as the ids of users, groups and configurations."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daybook.db.engine import ReadSession, WriteSession


async def user_id_of(session: "ReadSession | WriteSession", name: str) -> int:
    """The id of a user, who is named by account or by id. Raises `NotFound`."""
    from daybook.accounts import service  # noqa: PLC0415  (here and below: see the package's docstring)

    if _is_id(name):
        return (await service.get_user(session, int(name))).id
    return (await service.get_user_by_account(session, name)).id


async def group_id_of(session: "ReadSession | WriteSession", name: str) -> int:
    """The id of a group, named by name or by id. Raises `NotFound`."""
    from daybook.accounts import service  # noqa: PLC0415

    if _is_id(name):
        return (await service.get_group(session, int(name))).id
    return (await service.get_group_by_name(session, name)).id


async def config_id_of(session: "ReadSession | WriteSession", name: str) -> int:
    """The id of a configuration; an id need not be there any more, for history is. Raises `NotFound`."""
    from daybook.gateway import service  # noqa: PLC0415

    return int(name) if _is_id(name) else await service.config_id_of(session, name)


def _is_id(name: str) -> bool:
    return name.isascii() and name.isdecimal() and int(name) <= 2**31 - 1
