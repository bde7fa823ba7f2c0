"""Pictures of events, and the API's response for an event."""

import logging
from collections.abc import Iterable

from daybook.accounts.models import User
from daybook.kit.errors import DaybookError
from daybook.lifelog.events.facts import summary_of
from daybook.lifelog.events.models import Event
from daybook.lifelog.events.schemas import EventResponse
from daybook.lifelog.wording import wording
from daybook.storage.service import Store

log = logging.getLogger(__name__)

LONGEST_SIDE = 320
"""Pixels of an event's picture."""


async def event_response(store: Store, user: User, event: Event) -> EventResponse:
    """Return the API's response for the event's owner."""
    view = EventResponse.model_validate(event)
    view.summary = summary_of(event, wording((user.settings or {}).get("language")))
    if event.thumbnail_s3_key is not None:
        view.thumbnail_url = await store.link(event.thumbnail_s3_key)
    return view


async def remove_pictures(store: Store, keys: Iterable[str | None]) -> None:
    """Delete pictures of deleted events. If the store fails, they stay as unused files."""
    for key in keys:
        if key is None:
            continue
        try:
            await store.delete(key)
        except DaybookError as problem:
            log.warning("The picture of a deleted event stays in the store (%s).", problem.code)
