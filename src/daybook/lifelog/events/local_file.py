"""A file of a recording as long as somebody looks at it: fetched from the store when it is first needed."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from daybook.storage.service import Store


class LocalFile:
    """One file at a time is kept at hand: a store in another place sends it once, however often it is looked at."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open = AsyncExitStack()
        self._key: str | None = None
        self._path: Path | None = None

    async def path(self, key: str) -> Path:
        """Where the file of that key can be read. The one that was asked for before may be gone then."""
        if self._path is None or self._key != key:
            await self.close()
            self._path = await self._open.enter_async_context(self._store.as_file(key))
            self._key = key
        return self._path

    async def close(self) -> None:
        """Give up the file at hand."""
        self._key = self._path = None
        await self._open.aclose()


@asynccontextmanager
async def local_file(store: Store) -> AsyncGenerator[LocalFile]:
    """LocalFile for as long as the block lasts."""
    footage = LocalFile(store)
    try:
        yield footage
    finally:
        await footage.close()
