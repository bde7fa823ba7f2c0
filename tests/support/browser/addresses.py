"""The address of every page, from the `page.ts` of each."""

import re
from dataclasses import dataclass

from support.sources.messages import SOURCES

_PARTS = {"/admin/access": ("/admin/access?part=groups", "/admin/access?part=codes")}
"""Addresses of pages that have parts of their own."""

DIALOGS = [
    ("/", "events.add"),
    ("/", "events.edit"),
    ("/", "diary.versions"),
    ("/recordings/:id", "recording.remove"),
    ("/settings", "access.codes.add"),
    ("/admin/providers", "providers.add"),
    ("/admin/access", "access.people.add"),
    ("/admin/access?part=groups", "access.groups.add"),
    ("/admin/access?part=codes", "access.codes.add"),
    ("/admin/budgets", "budgets.add"),
]
"""Where dialogs are, and the text of the button that opens each."""


@dataclass(frozen=True)
class Things:
    """What pages about one thing are about."""

    recording: str
    call: str


def addresses() -> list[str]:
    """Every address, as the pages announce it, and one that no page has."""
    pages = sorted(SOURCES.glob("pages/**/page.ts"))
    routes = [route for page in pages for route in re.findall(r'"(/[^"]*)": \(\) =>', page.read_text())]
    assert len(routes) >= len(pages) > 0, "page.ts is not as it was"
    return [*routes, *(part for route in routes for part in _PARTS.get(route, ())), "/nowhere"]


def filled(address: str, things: Things) -> str:
    """`address` with the things in it."""
    names = {"/recordings/:id": things.recording, "/admin/calls/:id": things.call}
    return address.replace(":id", names[address]) if ":id" in address else address


def name_of(address: str) -> str:
    """A name for a file: `admin-calls-id`, `home`."""
    return re.sub(r"[^a-z]+", "-", address).strip("-") or "home"
