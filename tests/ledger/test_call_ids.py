"""A call is found by its number and by what `x-daybook-call-id` said, and is there once."""

import pytest
from sqlalchemy.exc import IntegrityError

from llm_tracker.ids import uuid7
from support.ledger.lines import write_call, write_line

CALLS = "/api/v1/admin/llm/call-logs"


async def test_a_call_is_found_by_number_and_by_call_id(root, database):
    call_id = uuid7()
    number = await write_call(database, "2026-01-31T10:00", call_id=call_id)
    for wanted in (number, call_id, str(call_id).upper()):
        found = await root.get(f"{CALLS}/{wanted}")
        assert (found["id"], found["call_id"]) == (number, str(call_id))
    assert (await root.get(CALLS))["list"][0]["call_id"] == str(call_id)


async def test_a_row_from_before_call_ids_is_found_by_its_line(root, database):
    line = await write_line(database, "2026-01-31T10:00")
    number = await write_call(database, "2026-01-31T10:00", usage_id=line)
    assert (await root.get(f"{CALLS}/{line}"))["id"] == number


async def test_what_is_no_id_is_refused_and_an_unknown_one_not_found(root):
    for wanted, expected in ((uuid7(), 404), ("x", 422), (0, 422), (2**63, 422)):
        assert (await root.call("GET", f"{CALLS}/{wanted}"))[0] == expected, wanted


async def test_a_call_cannot_be_there_twice(database):
    call_id = uuid7()
    await write_call(database, "2026-01-31T10:00", call_id=call_id)
    with pytest.raises(IntegrityError):
        await write_call(database, "2026-01-31T10:00", call_id=call_id)
    for _ in range(2):
        await write_call(database, "2026-01-31T10:00")
