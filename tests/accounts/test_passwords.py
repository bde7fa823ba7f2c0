"""Passwords."""

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from daybook.accounts import passwords
from daybook.accounts.passwords import hash_password, needs_rehash, random_password, verify_password
from daybook.kit.errors import Invalid

REAL = passwords._HASHER, passwords._NOBODY  # as long as no other stands in for them


@pytest.fixture(autouse=True)
def real_hashing(monkeypatch):
    for name, value in zip(("_HASHER", "_NOBODY"), REAL, strict=True):
        monkeypatch.setattr(passwords, name, value)


async def test_a_password_is_kept_as_argon2id_and_recognised():
    stored = await hash_password("correct horse")
    assert stored.startswith("$argon2id$")
    assert "correct" not in stored
    assert await verify_password(stored, "correct horse")
    assert not await verify_password(stored, "correct horsf")
    assert not await verify_password(stored, "")


async def test_what_keyboards_compose_differently_is_the_same_password():
    assert await verify_password(await hash_password("cafe\u0301 au lait"), "caf\u00e9 au lait")


@pytest.mark.parametrize("password", ["hunter2", "", "x" * 257, "with\x00nul in it", "\ud800 lone surrogate"])
async def test_a_password_that_cannot_be_taken_is_refused_in_words_without_it(password):
    with pytest.raises(Invalid) as refused:
        await hash_password(password)
    assert password == "" or password not in refused.value.message


@pytest.mark.parametrize("password", ["\ud800", "\x00", "x" * 10**6])
async def test_checking_takes_any_text(password):
    assert not await verify_password(await hash_password("correct horse"), password)
    assert not await verify_password("no hash at all", password)


async def test_an_unknown_account_costs_as_much_as_a_known_one(monkeypatch):
    checked = []
    monkeypatch.setattr(passwords, "_matches", lambda stored, _: checked.append(stored) or True)
    assert not await verify_password(None, "correct horse")
    known = await hash_password("correct horse")
    assert await verify_password(known, "correct horse")
    nobody, somebody = (stored.rsplit("$", 2)[0] for stored in checked)
    assert nobody == somebody  # the same algorithm and parameters


def test_a_hash_of_other_parameters_is_due_for_another():
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("correct horse"))


async def test_a_hash_of_todays_parameters_is_not():
    assert not needs_rehash(await hash_password("correct horse"))


async def test_the_loop_goes_on_while_passwords_are_hashed():
    longest = 0.0

    async def watch():
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    await asyncio.gather(*(hash_password("correct horse") for _ in range(8)))
    took = time.perf_counter() - started
    watching.cancel()
    assert longest < took / 2


def test_a_made_password_can_be_read_out_and_is_never_the_same():
    made = {random_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 19 and password.count("-") == 3 for password in made)
