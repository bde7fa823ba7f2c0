"""Local access to a recording's file, fetched from the store when first needed."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from daybook.storage.service import Store


class LocalFile:
    """One file at a time, fetched once however often it is used."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open = AsyncExitStack()
        self._key: str | None = None
        self._path: Path | None = None

    async def path(self, key: str) -> Path:
        """Return a readable path of the object `key`. The path returned before may be gone then."""
        if self._path is None or self._key != key:
            await self.close()
            self._path = await self._open.enter_async_context(self._store.as_file(key))
            self._key = key
        return self._path

    async def close(self) -> None:
        """Release the file."""
        self._key = self._path = None
        await self._open.aclose()


@asynccontextmanager
async def local_file(store: Store) -> AsyncGenerator[LocalFile]:
    """Return a `LocalFile` for the block."""
    footage = LocalFile(store)
    try:
        yield footage
    finally:
        await footage.close()
