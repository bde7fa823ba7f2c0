"""The installation's secret: `DAYBOOK_SECRET_KEY`, else the file `secret.key` in the data folder."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from daybook.kit.errors import Unavailable


class SecretUnreadable(Unavailable):
    """The secret's file is invalid or cannot be read or created."""

    code = "secret_unreadable"


class SecretMissing(SecretUnreadable):
    """The secret's file does not exist."""


class Secret:
    """A Fernet key, 32 bytes in URL-safe base64.

    The first encryption creates the file, and nothing overwrites it. It is read on every use, so that a restored file
    takes effect at once.
    """

    def __init__(self, data: Path, given: SecretStr | None = None) -> None:
        self._file = data / "secret.key"
        self._given = given

    @property
    def source(self) -> str:
        """Its source, for messages."""
        return str(self._file) if self._given is None else "DAYBOOK_SECRET_KEY"

    def fernet(self) -> Fernet:
        """The key for encryption. Raises `SecretUnreadable`, or `SecretMissing` if there is no file."""
        return self._fernet()[0]

    def derived(self, purpose: str) -> bytes:
        """Derive 32 bytes for `purpose` (HKDF, RFC 5869), which reveal neither the secret nor other derived keys.

        Raises `SecretUnreadable`.
        """
        self.make()
        key = self._fernet()[1]
        return HKDF(SHA256(), 32, salt=None, info=f"daybook {purpose}".encode()).derive(key)

    def make(self) -> None:
        """Create the file atomically if it is missing. Of two processes, the first one's file stays.

        Raises `SecretUnreadable`.
        """
        if self._given is not None or self._file.exists():
            return
        draft = self._file.with_name(f"{self._file.name}.{secrets.token_hex(8)}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(Fernet.generate_key() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                with suppress(FileExistsError):
                    os.link(draft, self._file)
            finally:
                draft.unlink()
        except OSError as error:
            raise SecretUnreadable(f"{self.source} cannot be created: {error.strerror}.") from None

    def _fernet(self) -> tuple[Fernet, bytes]:
        try:
            key = self._file.read_bytes() if self._given is None else self._given.get_secret_value().encode()
        except FileNotFoundError:
            raise SecretMissing(f"{self.source} is missing. Restore it.") from None
        except OSError as error:
            raise SecretUnreadable(f"{self.source} cannot be read: {error.strerror}.") from None
        try:
            return Fernet(key.strip()), key.strip()
        except ValueError:
            raise SecretUnreadable(
                f"{self.source} is not a Fernet key: 32 bytes in URL-safe base64."
            ) from None

    def __repr__(self) -> str:
        return f"Secret({self.source})"
