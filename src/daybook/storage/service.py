"""The store that the settings choose."""

from pathlib import Path

from daybook.kit.errors import Invalid
from daybook.kit.secret import Secret
from daybook.settings import Settings
from daybook.storage.bucket import BucketStore
from daybook.storage.folder import FolderStore
from daybook.storage.keys import content_type_of
from daybook.storage.links import LinkSigner
from daybook.storage.store import LINK_LIFE, Store, StoredFile

__all__ = ["LINK_LIFE", "Store", "StoredFile", "content_type_of", "open_store"]


def open_store(settings: Settings) -> Store:
    """Open the store in `DAYBOOK_STORAGE`. Raises `Invalid`."""
    links = LinkSigner(Secret(settings.data, settings.secret_key))
    place = settings.storage
    scheme, has_scheme, _ = (place or "").partition("://")
    if place is None or not has_scheme:
        return FolderStore(settings.data / "files" if place is None else Path(place), links)
    if scheme != "s3":
        raise Invalid("DAYBOOK_STORAGE must be a folder or s3://bucket/prefix.")
    return BucketStore.of(
        place, links, scratch=settings.data / "scratch", presigned=settings.storage_links == "presigned"
    )
