"""Signed links that expire. Like a presigned link of S3, a link is the permission to read its file."""

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
"""Links expire at multiples of this many seconds, so that links made in short succession are equal and browsers can
cache the file.
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A parsed link. `expires` is in seconds since 1970; with a `download_name` browsers save the file."""

    key: str
    expires: int
    download_name: str | None = None


class LinkSigner:
    """Creates and reads links. Its key is derived from the installation's secret."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._key: bytes | None = None

    def link(self, key: str, expires: timedelta, download_name: str | None = None) -> str:
        """Return a path on this server. It is valid for `expires` and up to ten minutes longer.

        Raises `SecretUnreadable`.
        """
        end = (int(time.time() + expires.total_seconds()) // _STEP + 1) * _STEP
        payload = orjson.dumps([key, end] if download_name is None else [key, end, download_name])
        return f"{PATH}{_text(payload)}.{_text(self._mac(payload))}"

    def read(self, token: str) -> Link:
        """Parse the token of a link. Raises `LinkInvalid`, `SecretUnreadable`."""
        first, _, second = token.partition(".")
        try:
            payload, mac = _bytes(first), _bytes(second)
        except (binascii.Error, ValueError):
            raise _unknown() from None
        # The text is compared too, as base64 has several spellings of the same bytes.
        if (
            not hmac.compare_digest(self._mac(payload), mac)
            or _text(payload) != first
            or _text(mac) != second
        ):
            raise _unknown()
        key, expires, *name = cast("list[str | int]", orjson.loads(payload))
        if time.time() >= int(expires):
            raise LinkInvalid("This link has expired. Reload the page that it is from.", code="link_expired")
        try:
            return Link(checked_key(str(key)), int(expires), str(name[0]) if name else None)
        except InvalidKey:
            raise _unknown() from None

    def _mac(self, payload: bytes) -> bytes:
        if self._key is None:
            self._key = self._secret.derived("file links")
        return hmac.digest(self._key, payload, sha256)


def _unknown() -> LinkInvalid:
    return LinkInvalid("This link is invalid: it was not created here, or with another secret.")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
