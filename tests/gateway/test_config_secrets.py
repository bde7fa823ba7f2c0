"""The secret that encrypts provider keys: made once, never overwritten, never shown."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from daybook.gateway.providers.vault import KeyUnreadable, Vault


def test_the_first_encryption_makes_a_file_that_only_its_owner_can_read(tmp_path):
    data = tmp_path / "data"
    vault = Vault(data)
    token = vault.encrypt("sk-1")
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600
    assert [file.name for file in data.iterdir()] == ["secret.key"]
    assert "sk-1" not in token
    assert Vault(data).decrypt(token) == "sk-1"


def test_the_file_is_never_overwritten(tmp_path):
    Vault(tmp_path).encrypt("sk-1")
    before = (tmp_path / "secret.key").read_bytes()
    Vault(tmp_path).encrypt("sk-2")
    assert (tmp_path / "secret.key").read_bytes() == before


def test_when_several_make_it_at_once_all_use_the_same(tmp_path):
    vault = Vault(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(vault.encrypt, [f"sk-{number}" for number in range(8)]))
    assert [vault.decrypt(token) for token in tokens] == [f"sk-{number}" for number in range(8)]
    assert [file.name for file in tmp_path.iterdir()] == ["secret.key"]


def test_a_lost_secret_is_not_replaced_by_reading_and_works_again_when_it_is_back(tmp_path):
    vault = Vault(tmp_path)
    token = vault.encrypt("sk-1")
    secret = (tmp_path / "secret.key").rename(tmp_path / "elsewhere")
    with pytest.raises(KeyUnreadable, match="missing"):
        vault.decrypt(token)
    assert not (tmp_path / "secret.key").exists()
    secret.rename(tmp_path / "secret.key")
    assert vault.decrypt(token) == "sk-1"


@pytest.mark.parametrize(
    "secret", [SecretStr(Fernet.generate_key().decode()), SecretStr("hunter2"), SecretStr("hünter2")]
)
def test_another_secret_or_one_that_is_none_cannot_read(tmp_path, secret):
    token = Vault(tmp_path).encrypt("sk-1")
    vault = Vault(tmp_path, secret)
    with pytest.raises(KeyUnreadable) as caught:
        vault.decrypt(token)
    assert secret.get_secret_value() not in str(caught.value) + repr(vault)
    assert "DAYBOOK_SECRET_KEY" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hunter2\n", b"\xff\xfe"])
def test_a_broken_file_is_neither_used_nor_overwritten(tmp_path, content):
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(KeyUnreadable, match=r"secret\.key"):
        Vault(tmp_path).encrypt("sk-1")
    assert (tmp_path / "secret.key").read_bytes() == content


def test_the_environment_s_secret_makes_no_file(tmp_path):
    vault = Vault(tmp_path, SecretStr(Fernet.generate_key().decode()))
    assert vault.decrypt(vault.encrypt("sk-1")) == "sk-1"
    assert list(tmp_path.iterdir()) == []
