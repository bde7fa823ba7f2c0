"""File storage: one `Store` interface for a folder and an S3 bucket, over obstore.

obstore is called in threads. Its coroutines wake Python from Rust threads, which abort the process while it exits
(docs/decisions/0014).
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from obstore.exceptions import BaseError

from daybook.storage.errors import NoSuchFile, StoreUnavailable
from daybook.storage.keys import checked_key, content_type_of
from daybook.storage.links import LinkSigner

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import LocalStore, S3Store

T = TypeVar("T")

LINK_LIFE = timedelta(hours=6)
"""As long as a page with a video may stay open."""

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file. `size` is in bytes; `etag`, with its quotes, changes with the content."""

    key: str
    size: int
    etag: str
    modified: datetime


class Store(ABC):
    """Files by key. All methods raise `InvalidKey` and `StoreUnavailable`; those that read raise `NoSuchFile`.

    A file is stored completely or not at all, and durably when the method returns.
    """

    piece = 2**20
    """Bytes per read."""

    def __init__(self, objects: "LocalStore | S3Store", links: LinkSigner) -> None:
        self._objects = objects
        self.links = links

    async def put_file(
        self, key: str, path: Path, content_type: str | None = None, *, may_link: bool = False
    ) -> None:
        """Store the file at `path`. With `may_link` a folder may hard-link it: then `path` must not be changed, only
        removed. Without `content_type` the suffix decides it.
        """
        name = checked_key(key)
        await self._run(
            lambda: self._write(name, path, content_type or content_type_of(name), may_link=may_link)
        )

    async def put(self, key: str, data: bytes, content_type: str | None = None) -> None:
        """Store bytes."""
        name = checked_key(key)
        await self._run(
            lambda: self._write(name, data, content_type or content_type_of(name), may_link=False)
        )

    @abstractmethod
    def as_file(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A local path of the file until the block ends: the file itself or a copy."""

    @abstractmethod
    async def link(
        self, key: str, *, expires: timedelta = LINK_LIFE, download_name: str | None = None
    ) -> str:
        """Return a URL at which browsers can read the file without signing in, until it expires. With `download_name`
        they save it under that name. The file's existence is not checked.
        """

    def origin(self) -> str:
        """The origin of links, such as `https://s3.example.org`; empty for this server."""
        return ""

    async def get(self, key: str) -> bytes:
        """Read a whole file."""
        name = checked_key(key)
        return await self._run(lambda: bytes(self._objects.get(name).bytes()))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """Read the bytes from `start` to `end` (exclusive), in pieces. Raises `NoSuchFile` at the first piece."""
        name = checked_key(key)
        end = (await self.stat(key)).size if end is None else end
        for place in range(start, end, self.piece):
            to = min(place + self.piece, end)
            yield await self._run(
                lambda place=place, to=to: bytes(self._objects.get_range(name, start=place, end=to))
            )

    async def stat(self, key: str) -> StoredFile:
        """The metadata of a file."""
        name = checked_key(key)
        return _stored(await self._run(lambda: self._objects.head(name)))

    async def size(self, key: str) -> int | None:
        """The size in bytes; None if there is no such file."""
        try:
            return (await self.stat(key)).size
        except NoSuchFile:
            return None

    async def delete(self, key: str) -> None:
        """Delete a file. A missing one is no error."""
        name = checked_key(key)
        try:
            await self._run(lambda: self._objects.delete(name))
        except NoSuchFile:
            return

    async def list(self, folder: str) -> AsyncIterator[StoredFile]:
        """List the files below `folder`."""
        stream = await self._run(lambda: self._objects.list(checked_key(folder)))
        while batch := await self._run(lambda: next(stream, None)):
            for meta in batch:
                yield _stored(meta)

    @abstractmethod
    async def sweep(self) -> None:
        """Remove temporary files that killed processes left on this host."""

    @abstractmethod
    def _write(self, key: str, content: Path | bytes, content_type: str, /, *, may_link: bool) -> None:
        """Store a file or bytes. Runs in a thread."""

    async def _run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and convert its errors."""
        with our_errors():
            return await asyncio.to_thread(work)


@contextmanager
def our_errors() -> Generator[None]:
    """Convert errors of obstore and of the disk. Their messages may contain URLs and are left out."""
    try:
        yield
    except FileNotFoundError:
        raise NoSuchFile("There is no such file in the store.") from None
    except (BaseError, ValueError, OSError, NotImplementedError) as error:
        raise StoreUnavailable(
            f"File storage failed ({_reason(error)}). Try again; if this persists, check DAYBOOK_STORAGE."
        ) from error


def remove_old(folder: Path, pattern: str) -> None:
    """Remove matching files below `folder` that were last written more than a day ago."""
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime < time.time() - _DAY:
                path.unlink()


def _reason(error: Exception) -> str:
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or type(error).__name__


def _stored(meta: "ObjectMeta") -> StoredFile:
    etag = meta["e_tag"] or f'"{meta["size"]:x}-{meta["last_modified"].timestamp():.6f}"'
    return StoredFile(meta["path"], meta["size"], etag, meta["last_modified"])
