"""`daybook budget`."""

import json


async def test_at_the_command_line(cli, first_run):
    done = await cli(
        "budget", "set", "user:admin", "--per", "day", "--tokens", "5000", "--money", "2.50", "--json"
    )
    assert done.status == 0, done.err
    assert [(one["unit"], one["limit"]) for one in done.json] == [("tokens", "5000"), ("usd", "2.5")]
    assert (
        await cli("budget", "set", "group:default", "--per", "month", "--tokens", "9", "--soft")
    ).status == 0
    shown = await cli("budget", "list")
    assert "user:admin" in shown.out
    assert "group:default" in shown.out
    assert "soft" in shown.out
    assert "  5,000     0     0  5,000  " in shown.out
    assert "    2.5     0     0    2.5  " in shown.out
    code = json.loads((await cli("code", "list", "--json")).out)[0]["public_id"]
    assert (await cli("budget", "set", f"code:{code}", "--per", "day", "--tokens", "1")).status == 0
    assert (await cli("budget", "remove", str(done.json[0]["id"]))).status == 0
    assert len((await cli("budget", "list", "--json")).json) == 3
    assert len((await cli("budget", "list", "--inactive", "--json")).json) == 4
    assert (await cli("budget", "list", "--leases", "--json")).json == []
    for wrong in (
        ["set", "user:admin", "--per", "day"],
        ["set", "admin", "--per", "day", "--tokens", "1"],
        ["set", "user:nobody", "--per", "day", "--tokens", "1"],
        ["set", "user:admin", "--per", "year", "--tokens", "1"],
        ["set", "user:admin", "--per", "day", "--money", "-1"],
        ["remove", "4711"],
        ["release", "nobody"],
    ):
        done = await cli("budget", *wrong)
        assert done.status in {1, 2}, wrong
        assert done.err, wrong
