"""Where files are: a folder, or a bucket of S3. One `Store` for both, over obstore.

obstore is called in threads. Its own coroutines wake Python from threads of Rust, which abort the process where it
is about to end, after its work was done (docs/decisions/0014).
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
"""As long as somebody may sit before a page with a video in it."""

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the store. `size` in bytes; `etag`, in its quotes, changes with what is in it."""

    key: str
    size: int
    etag: str
    modified: datetime


class Store(ABC):
    """Files by key. All methods raise `InvalidKey` for a key that cannot be, and `StoreUnavailable` where the
    store does not do its part; those that read raise `NoSuchFile`.

    A file is there whole or not at all, and on the disk (or in the bucket) when the method that puts it is done.
    """

    piece = 2**20
    """Bytes that are read at a time."""

    def __init__(self, objects: "LocalStore | S3Store", links: LinkSigner) -> None:
        self._objects = objects
        self.links = links

    async def put_file(
        self, key: str, path: Path, content_type: str | None = None, *, may_link: bool = False
    ) -> None:
        """Store the file at `path`. With `may_link` a folder need not copy it: what is at `path` must never be
        changed then, only removed. Without `content_type` the key's end tells it.
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
        """A path at which the file can be read while the block lasts: the file itself, or a copy on this host."""

    @abstractmethod
    async def link(
        self, key: str, *, expires: timedelta = LINK_LIFE, download_name: str | None = None
    ) -> str:
        """An address at which a browser can read the file without signing in, until it expires. With
        `download_name` browsers save it, under that name. Nobody looks whether the file is there.
        """

    def origin(self) -> str:
        """Where browsers read files from by links, such as `https://s3.example.org`; empty for this server."""
        return ""

    async def get(self, key: str) -> bytes:
        """What is in a file, all at once."""
        name = checked_key(key)
        return await self._run(lambda: bytes(self._objects.get(name).bytes()))

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes from `start` up to and without `end`, in pieces. Raises `NoSuchFile` at the first one."""
        name = checked_key(key)
        end = (await self.stat(key)).size if end is None else end
        for place in range(start, end, self.piece):
            to = min(place + self.piece, end)
            yield await self._run(
                lambda place=place, to=to: bytes(self._objects.get_range(name, start=place, end=to))
            )

    async def stat(self, key: str) -> StoredFile:
        """What is known of a file."""
        name = checked_key(key)
        return _stored(await self._run(lambda: self._objects.head(name)))

    async def size(self, key: str) -> int | None:
        """Its bytes; None where there is no such file."""
        try:
            return (await self.stat(key)).size
        except NoSuchFile:
            return None

    async def delete(self, key: str) -> None:
        """See that there is no such file."""
        name = checked_key(key)
        try:
            await self._run(lambda: self._objects.delete(name))
        except NoSuchFile:
            return

    async def list(self, folder: str) -> AsyncIterator[StoredFile]:
        """Every file whose key begins with `folder` and a slash."""
        stream = await self._run(lambda: self._objects.list(checked_key(folder)))
        while batch := await self._run(lambda: next(stream, None)):
            for meta in batch:
                yield _stored(meta)

    @abstractmethod
    async def sweep(self) -> None:
        """Remove what killed processes left on this host."""

    @abstractmethod
    def _write(self, key: str, content: Path | bytes, content_type: str, /, *, may_link: bool) -> None:
        """In a thread: store a file or bytes."""

    async def _run(self, work: Callable[[], T]) -> T:
        """`work` in a thread, and its errors as ours."""
        with our_errors():
            return await asyncio.to_thread(work)


@contextmanager
def our_errors() -> Generator[None]:
    """Errors of obstore and of the disk as ours. Their words may hold addresses and are left out."""
    try:
        yield
    except FileNotFoundError:
        raise NoSuchFile("There is no such file in the store.") from None
    except (BaseError, ValueError, OSError, NotImplementedError) as error:
        raise StoreUnavailable(
            f"The file store does not do its part ({_reason(error)}). "
            "Try again; if it stays so, look at DAYBOOK_STORAGE."
        ) from error


def remove_old(folder: Path, pattern: str) -> None:
    """Remove the files below `folder` that match and have not been written for a day."""
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
