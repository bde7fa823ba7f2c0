"""The format of activation codes."""

from hashlib import sha256

import pytest

from daybook.accounts.codes import ALPHABET, LENGTH, code_hash, new_code


def test_a_new_code_is_readable_and_its_hash_is_what_is_found():
    code, public_id, stored = new_code()
    assert code.startswith("daybook_")
    assert code_hash(code) == code_hash(code.encode()) == stored == sha256(code.encode()).digest()
    assert public_id.startswith("db_")
    assert len(public_id) <= 32
    assert public_id[3:] not in code


def test_codes_have_at_least_128_random_bits_and_differ():
    assert len(set(ALPHABET)) == 32  # 5 bits each
    random_part = LENGTH - len("daybook_") - 6
    assert random_part * 5 >= 128
    codes = [new_code() for _ in range(1000)]
    assert len({code for code, _, _ in codes}) == len({public for _, public, _ in codes}) == 1000
    # Every place takes every character: a generator stuck in a corner would show here.
    for place in range(len("daybook_"), len("daybook_") + random_part):
        assert len({code[place] for code, _, _ in codes}) == 32


def test_every_slip_of_one_character_is_found():
    code, _, _ = new_code()
    for place in range(LENGTH):
        for character in ALPHABET + "_AZ!":
            if character != code[place]:
                assert code_hash(code[:place] + character + code[place + 1 :]) is None


def test_neighbours_that_changed_places_are_found():
    code, _, _ = new_code()
    for place in range(LENGTH - 1):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        assert swapped == code or code_hash(swapped) is None


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "daybook_",
        "x" * LENGTH,
        "é" * LENGTH,
        "\x00" * LENGTH,
        "\ud800" * LENGTH,
        "sk-" + "a" * 45,
        "d" * 10**6,
    ],
)
def test_garbage_is_no_code(garbage):
    assert code_hash(garbage) is None


def test_what_is_cut_or_longer_is_no_code():
    code, _, _ = new_code()
    assert code_hash(code[:-1]) is None
    assert code_hash(code + "0") is None
    assert code_hash(" " + code) is None
    assert code_hash(code.upper()) is None
