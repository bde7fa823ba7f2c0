"""Files in a folder, local or shared by all hosts."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from obstore.store import LocalStore

from daybook.storage.errors import NoSuchFile
from daybook.storage.keys import checked_key
from daybook.storage.links import LinkSigner
from daybook.storage.store import LINK_LIFE, Store, our_errors, remove_old


class FolderStore(Store):
    """A key is a path below the folder."""

    def __init__(self, folder: Path, links: LinkSigner) -> None:
        with our_errors():
            super().__init__(LocalStore(folder, mkdir=True, automatic_cleanup=True), links)
        self.folder = folder

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncGenerator[Path]:
        """The file itself. Do not write to it."""
        path = self._path(key)
        if not await asyncio.to_thread(path.is_file):
            raise NoSuchFile("There is no such file in the store.")
        yield path

    async def link(
        self, key: str, *, expires: timedelta = LINK_LIFE, download_name: str | None = None
    ) -> str:
        """As `Store`: a path on this server."""
        return self.links.link(checked_key(key), expires, download_name)

    async def sweep(self) -> None:
        """As `Store`: remove drafts that are a day old."""
        await asyncio.to_thread(remove_old, self.folder, "**/*#*")

    def _write(self, key: str, content: Path | bytes, _content_type: str, /, *, may_link: bool) -> None:
        """As `Store`. A folder stores no content types: `content_type_of` derives them."""
        path = self._path(key)
        if not (may_link and isinstance(content, Path) and _linked(content, path)):
            self._objects.put(key, content)
        self._sync(path)

    def _sync(self, path: Path) -> None:
        """Sync the file and its folders, which may be new, to disk."""
        for place in (path, *path.parents[: len(path.relative_to(self.folder).parts)]):
            descriptor = os.open(place, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _path(self, key: str) -> Path:
        return self.folder / checked_key(key)


def _linked(path: Path, target: Path) -> bool:
    """Hard-link `path` to `target`. False if the file systems do not support it."""
    path.stat()  # raise here if it is missing
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}#{uuid4().hex}")  # keys have no "#", and listings skip it
    try:
        os.link(path, draft)
    except OSError:
        return False
    try:
        draft.replace(target)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()  # it remains if both names are the same file
    return True
