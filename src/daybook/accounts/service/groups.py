"""Groups, which own activation codes. They are archived, never deleted: the ledger refers to them."""

from collections.abc import Collection

from daybook.accounts import fields, repository
from daybook.accounts.models import Group
from daybook.accounts.repository import Session
from daybook.accounts.schemas import GroupUpdate
from daybook.db.engine import WriteSession
from daybook.kit.clock import now
from daybook.kit.errors import Conflict, NotFound
from daybook.kit.pagination import Page

DEFAULT_GROUP = "default"
"""The group that the first run creates. Every user may create codes in it."""


async def list_groups(
    session: Session, *, archived: bool = False, page: int = 1, page_size: int = 50
) -> Page[Group]:
    """Groups by name, with or without the archived ones."""
    return await repository.groups(session, archived=archived, page=page, page_size=page_size)


async def get_group(session: Session, group_id: int, *, lock: bool = False) -> Group:
    """The group. Raises `NotFound`."""
    group = await repository.group_by_id(session, group_id, lock=lock)
    if group is None:
        raise NotFound("There is no such group.")
    return group


async def get_group_by_name(session: Session, name: str) -> Group:
    """The group of that name. Raises `NotFound`."""
    name = fields.line(name, "name", 128)
    group = await repository.group_by_name(session, name)
    if group is None:
        raise NotFound(f"There is no group {name}.")
    return group


async def group_names(session: Session, group_ids: Collection[int]) -> dict[int, str]:
    """The names of the groups that exist, by id."""
    return await repository.group_names(session, group_ids)


async def create_group(session: WriteSession, name: str, description: str | None = None) -> Group:
    """Create a group. Raises `Invalid`, or `Conflict` if the name is taken."""
    group = Group(
        name=fields.line(name, "name", 128),
        description=fields.paragraph(description, "description", 2000),
    )
    return await repository.insert(session, group, _taken(group.name))


async def update_group(session: WriteSession, group_id: int, changes: GroupUpdate) -> Group:
    """Change a group. The codes of an archived group are refused until it is restored.

    Raises `Invalid`, `NotFound`, or `Conflict` if the name is taken.
    """
    group = await get_group(session, group_id, lock=True)
    name = group.name if changes.name is None else fields.line(changes.name, "name", 128)
    group.name = name
    if changes.description is not None:
        group.description = fields.paragraph(changes.description, "description", 2000)
    if changes.archived is not None and changes.archived != (group.archived_at is not None):
        group.archived_at = now() if changes.archived else None
    await repository.flush(session, _taken(name), group)
    return group


def _taken(name: str) -> Conflict:
    return Conflict(
        f"The name {name} is taken by another group, which may be archived.",
        code="group_taken",
        details={"group": name},
    )
