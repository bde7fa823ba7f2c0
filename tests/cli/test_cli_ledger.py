"""`daybook ledger verify` and `daybook ledger repair`."""

from sqlalchemy import text

from support.ledger.lines import write_line


async def sql(database, statement):
    async with database.write() as session:
        await session.execute(text(statement))


async def test_a_ledger_that_balances_is_one_sentence(cli, database):
    await write_line(database, "2026-01-01T08:00")
    done = await cli("ledger", "verify")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("The ledger balances: 1 lines at ")
    assert done.out.count("\n") == 1
    told = (await cli("ledger", "verify", "--json")).json
    assert (told["balanced"], told["lines"], told["differences"]) == (True, 1, [])


async def test_a_difference_is_named_then_repaired(cli, database):
    await sql(database, "INSERT INTO users (id, account) VALUES (1, 'ana')")
    await write_line(database, "2026-01-01T08:00", user_id=1, cost="0.25")
    await sql(database, "UPDATE users SET token_usage = 1016; ")
    await sql(database, "UPDATE ledger_hours SET cost = 0.3")

    done = await cli("ledger", "verify")
    assert done.status == 1
    first, second, last = done.out.splitlines()
    assert first == "users.token_usage (id 1): 1,016; should be 15"
    assert second.startswith("ledger_hours (code -, hour 2026-01-01T08:00:00+00:00, model m")
    assert second.endswith(": cost 0.3; should be cost 0.25")
    assert last.startswith("The ledger does not balance: users.token_usage 1, ledger_hours 1 (1 lines at ")
    told = await cli("ledger", "verify", "--json")
    assert (told.status, told.json["counts"]) == (1, {"users.token_usage": 1, "ledger_hours": 1})
    assert told.json["differences"][0] == {
        "what": "users.token_usage",
        "key": {"id": 1},
        "stored": 1016,
        "expected": 15,
    }

    mended = await cli("ledger", "repair")
    assert mended.status == 0
    assert mended.out.splitlines()[0] == "users.token_usage (id 1): 1,016 -> 15"
    assert mended.out.splitlines()[2] == "Changed: users.token_usage 1, ledger_hours 1."
    again = await cli("ledger", "repair", "--json")
    assert (again.status, again.json["changes"], again.json["afterwards"]["balanced"]) == (0, [], True)


async def test_what_repair_does_not_touch_is_told(cli, database):
    await write_line(database, "2026-01-01T08:00", total_tokens=1)
    done = await cli("ledger", "repair")
    assert done.status == 1
    assert "Nothing to repair." in done.out
    assert "should be total_tokens = prompt_tokens + completion_tokens" in done.out
