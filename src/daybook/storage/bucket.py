"""Files in a bucket of S3 or a compatible server."""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlsplit

import obstore
from obstore.store import S3Store

from daybook.kit.errors import Invalid
from daybook.storage.keys import checked_key
from daybook.storage.links import LinkSigner
from daybook.storage.store import LINK_LIFE, Store, our_errors, remove_old

_PART = 8 * 2**20
"""Bytes of one part of a large file; S3 takes 10,000 of them, which is 78 GiB."""

_LONGEST_LINK = timedelta(days=7)
"""The longest that S3 lets a link be."""


class BucketStore(Store):
    """Keys are below the prefix in the URL. Credentials, region and endpoint come from the usual `AWS_*` variables."""

    piece = 4 * 2**20

    def __init__(
        self, name: str, objects: S3Store, links: LinkSigner, *, scratch: Path, presigned: bool
    ) -> None:
        super().__init__(objects, links)
        self._name = name
        self._bucket = objects
        self._scratch = scratch
        self._presigned = presigned

    @classmethod
    def of(cls, url: str, links: LinkSigner, *, scratch: Path, presigned: bool = True) -> Self:
        """The store at `s3://bucket/prefix`. `scratch` is the folder for the copies of `as_file`.

        Raises `Invalid` for any other URL.
        """
        bucket, _, prefix = url.removeprefix("s3://").strip("/").partition("/")
        if not bucket or "?" in url or "#" in url or "@" in url:
            raise Invalid("DAYBOOK_STORAGE must be a folder or s3://bucket/prefix.")
        with our_errors():
            objects = S3Store(
                bucket,
                prefix=prefix or None,
                client_options={
                    # An endpoint without TLS is a deliberate choice.
                    "allow_http": _endpoint().startswith("http://"),
                    "timeout": "2 minutes",  # per part
                    "connect_timeout": "10 seconds",
                },
                retry_config={"max_retries": 5, "retry_timeout": timedelta(minutes=2)},
            )
        return cls(bucket, objects, links, scratch=scratch, presigned=presigned)

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncGenerator[Path]:
        """Copy the file to this host until the block ends. `sweep` removes copies of killed processes."""
        suffix = Path(checked_key(key)).suffix
        await self._run(lambda: self._scratch.mkdir(parents=True, exist_ok=True))
        # Unbuffered, so that a full disk fails the write and is reported as the store's error.
        with tempfile.NamedTemporaryFile(dir=self._scratch, suffix=suffix, buffering=0) as file:
            async for piece in self.read(key):
                await self._run(lambda piece=piece: _write_all(file, piece))
            yield Path(file.name)

    async def link(
        self, key: str, *, expires: timedelta = LINK_LIFE, download_name: str | None = None
    ) -> str:
        """As `Store`: presigned, unless the settings say otherwise or `download_name` is given, which presigned links
        do not support.
        """
        name = checked_key(key)
        if download_name is not None or not self._presigned:
            return self.links.link(name, expires, download_name)
        # In a thread, as credentials may have to be fetched.
        return await self._run(lambda: obstore.sign(self._bucket, "GET", name, min(expires, _LONGEST_LINK)))

    def origin(self) -> str:
        """As `Store`: the scheme and the host of presigned links."""
        if not self._presigned:
            return ""
        # Signed with a dummy key: the host does not depend on it, and ours may have to be fetched.
        with our_errors():
            dummy = S3Store(
                self._name,
                client_options={"allow_http": True},
                config={"access_key_id": "-", "secret_access_key": "-"},
            )
            link = obstore.sign(dummy, "GET", "-", _LONGEST_LINK)
        parts = urlsplit(link)
        return f"{parts.scheme}://{parts.netloc}"

    async def sweep(self) -> None:
        """As `Store`: remove copies that are a day old."""
        await asyncio.to_thread(remove_old, self._scratch, "*")

    def _write(self, key: str, content: Path | bytes, content_type: str, /, *, may_link: bool) -> None:  # noqa: ARG002  (bytes travel in any case)
        """As `Store`, in parts if it is large."""
        attributes: dict[str, str] = {"Content-Type": content_type}
        self._bucket.put(key, content, attributes=attributes, chunk_size=_PART, max_concurrency=4)


def _write_all(file: IO[bytes], piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[file.write(view) :]


def _endpoint() -> str:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return next((os.environ[name] for name in names if os.environ.get(name)), "")
