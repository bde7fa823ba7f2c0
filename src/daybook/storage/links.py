"""Links of our own: signed, and over after a while. Whoever has one may read that file, as with a presigned link
of S3.
"""

import base64
import binascii
import hmac
import time
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import cast

import orjson

from daybook.kit.secret import Secret
from daybook.storage.errors import InvalidKey, LinkInvalid
from daybook.storage.keys import checked_key

PATH = "/api/v1/files/"

_STEP = 600
"""Links end at whole multiples of this many seconds, so that one that is made again soon is the same, and what a
browser has kept under it is found.
"""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link opens: a file, until a time in seconds since 1970, to be saved under a name or shown."""

    key: str
    expires: int
    download_name: str | None = None


class LinkSigner:
    """Makes links and reads them. Its key is derived from the installation's secret."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._key: bytes | None = None

    def link(self, key: str, expires: timedelta, download_name: str | None = None) -> str:
        """A path on this server. It lasts for `expires` at least, and ten minutes longer at most.

        Raises `SecretUnreadable`.
        """
        end = (int(time.time() + expires.total_seconds()) // _STEP + 1) * _STEP
        payload = orjson.dumps([key, end] if download_name is None else [key, end, download_name])
        return f"{PATH}{_text(payload)}.{_text(self._mac(payload))}"

    def read(self, token: str) -> Link:
        """What the link with this token opens. Raises `LinkInvalid`, `SecretUnreadable`."""
        first, _, second = token.partition(".")
        try:
            payload, mac = _bytes(first), _bytes(second)
        except (binascii.Error, ValueError):
            raise _unknown() from None
        # Compared as text as well: base64 has several ways to write the same bytes.
        if (
            not hmac.compare_digest(self._mac(payload), mac)
            or _text(payload) != first
            or _text(mac) != second
        ):
            raise _unknown()
        key, expires, *name = cast("list[str | int]", orjson.loads(payload))
        if time.time() >= int(expires):
            raise LinkInvalid(
                "This link has ended. Load the page that it is from again.", code="link_expired"
            )
        try:
            return Link(checked_key(str(key)), int(expires), str(name[0]) if name else None)
        except InvalidKey:
            raise _unknown() from None

    def _mac(self, payload: bytes) -> bytes:
        if self._key is None:
            self._key = self._secret.derived("file links")
        return hmac.digest(self._key, payload, sha256)


def _unknown() -> LinkInvalid:
    return LinkInvalid("This link was not made here, or not with this secret.")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
