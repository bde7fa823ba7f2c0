"""How provider keys are kept: encrypted with one secret that is not in the database."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr

from daybook.kit.errors import Unavailable
from daybook.settings import Settings


class KeyUnreadable(Unavailable):
    """A stored key cannot be decrypted: the secret that encrypted it is lost, or is another one."""

    code = "key_unreadable"


class Vault:
    """Encrypts and decrypts provider keys.

    The secret is `DAYBOOK_SECRET_KEY`, else in `<data>/secret.key`, which the first encryption makes and
    nothing ever overwrites. The file is read whenever it is needed: putting back a lost one is enough.
    """

    def __init__(self, data: Path, secret: SecretStr | None = None) -> None:
        self._file = data / "secret.key"
        self._secret = secret

    @classmethod
    def of(cls, settings: Settings) -> "Vault":
        """The vault that the settings describe."""
        return cls(settings.data, settings.secret_key)

    def encrypt(self, text: str) -> str:
        """`text` as a token for the database. Raises `KeyUnreadable` where there is no usable secret."""
        if self._secret is None and not self._file.exists():
            self._make_file()
        return self._fernet().encrypt(text.encode()).decode("ascii")

    def decrypt(self, token: str) -> str:
        """The text that `encrypt` was given. Raises `KeyUnreadable`."""
        try:
            return self._fernet().decrypt(token.encode()).decode()
        except (InvalidToken, UnicodeError):
            raise KeyUnreadable(
                f"A provider key was encrypted with another secret than {self._source}. "
                "Put the old secret back, or enter the provider's key again."
            ) from None

    def _fernet(self) -> Fernet:
        try:
            secret = (
                self._file.read_bytes() if self._secret is None else self._secret.get_secret_value().encode()
            )
        except FileNotFoundError:
            raise KeyUnreadable(
                f"{self._source} is missing. Put it back, or enter the provider keys again."
            ) from None
        except OSError as error:
            raise KeyUnreadable(f"{self._source} cannot be read: {error.strerror}.") from None
        try:
            return Fernet(secret.strip())
        except ValueError:
            raise KeyUnreadable(
                f"{self._source} is not a Fernet key: it has to be 32 bytes in URL-safe base64."
            ) from None

    def _make_file(self) -> None:
        """Make the secret's file whole or not at all; when two processes do, the first one's stays."""
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
            raise KeyUnreadable(f"{self._source} cannot be made: {error.strerror}.") from None

    @property
    def _source(self) -> str:
        return str(self._file) if self._secret is None else "DAYBOOK_SECRET_KEY"

    def __repr__(self) -> str:
        return f"Vault({self._source})"
