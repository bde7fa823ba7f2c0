"""How provider keys are kept: encrypted with one secret that is not in the database."""

from pathlib import Path

from cryptography.fernet import InvalidToken
from pydantic import SecretStr

from daybook.kit.errors import Unavailable
from daybook.kit.secret import Secret, SecretMissing, SecretUnreadable
from daybook.settings import Settings


class KeyUnreadable(Unavailable):
    """A stored key cannot be decrypted: the secret that encrypted it is lost, or is another one."""

    code = "key_unreadable"


class Vault:
    """Encrypts and decrypts provider keys with the installation's secret, which the first encryption makes."""

    def __init__(self, data: Path, secret: SecretStr | None = None) -> None:
        self._secret = Secret(data, secret)

    @classmethod
    def of(cls, settings: Settings) -> "Vault":
        """The vault that the settings describe."""
        return cls(settings.data, settings.secret_key)

    def encrypt(self, text: str) -> str:
        """`text` as a token for the database. Raises `KeyUnreadable` where there is no usable secret."""
        try:
            self._secret.make()
            return self._secret.fernet().encrypt(text.encode()).decode("ascii")
        except SecretUnreadable as error:
            raise KeyUnreadable(error.message) from None

    def decrypt(self, token: str) -> str:
        """The text that `encrypt` was given. Raises `KeyUnreadable`."""
        try:
            return self._secret.fernet().decrypt(token.encode()).decode()
        except (InvalidToken, UnicodeError):
            raise KeyUnreadable(
                f"A provider key was encrypted with another secret than {self._secret.source}. "
                "Put the old secret back, or enter the provider's key again."
            ) from None
        except SecretMissing:
            raise KeyUnreadable(
                f"{self._secret.source} is missing. Put it back, or enter the provider keys again."
            ) from None
        except SecretUnreadable as error:
            raise KeyUnreadable(error.message) from None

    def __repr__(self) -> str:
        return f"Vault({self._secret.source})"
