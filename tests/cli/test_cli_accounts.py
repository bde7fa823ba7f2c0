"""`daybook user`, `daybook group`, `daybook code`."""

from daybook.accounts import service
from daybook.accounts.codes import code_hash


async def test_users_are_made_listed_and_given_passwords(cli, browsers):
    made = await cli("user", "add", "Ana", "--admin", "--json")
    assert made.status == 0
    assert (made.json["account"], made.json["role"]) == ("ana", "admin")
    await browsers.sign_in("ana", made.json["password"])

    changed = await cli("user", "password", "ana", "--password-stdin", input="correct horse\n")
    assert changed.status == 0
    assert "correct horse" not in changed.out + changed.err
    await browsers.sign_in("ana", "correct horse")

    said = await cli("user", "add", "ben", "--timezone", "asia/taipei")
    [word] = [word for word in said.out.split() if word.count("-") == 3]
    await browsers.sign_in("ben", word)
    listed = (await cli("user", "list", "--json")).json
    assert [user["account"] for user in listed] == ["ana", "ben"]
    assert listed[1]["timezone"] == "Asia/Taipei"
    assert "password" not in listed[0]
    table = await cli("user", "list")
    assert "ben" in table.out

    for arguments, given, words in (
        (("add", "ana"), None, "already"),
        (("add", "cid", "--password-stdin"), "short\n", "too short"),
        (("add", "cid", "--password-stdin"), "", "standard input"),
        (("password", "nobody"), None, "nobody"),
    ):
        done = await cli("user", *arguments, input=given)
        assert (done.status, done.out) == (1, ""), arguments
        assert words in done.err
        assert len(done.err.splitlines()) == 1


async def test_codes_are_made_for_groups_shown_once_and_revoked(cli, database):
    await cli("user", "add", "ana")
    assert (await cli("group", "add", "team", "--json")).json["name"] == "team"
    assert (await cli("group", "add", "team")).status == 1
    assert [group["name"] for group in (await cli("group", "list", "--json")).json] == ["team"]

    options = ("--user", "ana", "--models", "gpt-*, o3", "--rpm", "60", "--tpm", "9000", "--expires", "30d")
    made = (await cli("code", "add", "--group", "team", *options, "--json")).json
    assert (made["models"], made["requests_per_minute"], made["tokens_per_minute"]) == (
        ["gpt-*", "o3"],
        60,
        9000,
    )
    async with database.read() as session:
        grant = await service.find_code(session, code_hash(made["code"]))
    assert (grant.public_id, grant.user_id, grant.revoked) == (made["public_id"], 1, False)

    plain = await cli("code", "add", "--group", "team")
    code = plain.out.split()[0]
    assert code_hash(code) is not None
    listed = await cli("code", "list", "--json")
    table = await cli("code", "list")
    assert len(listed.json) == 2
    for place in (listed.out, table.out):
        assert made["code"] not in place
        assert code not in place
        assert made["public_id"] in place
    assert len((await cli("code", "list", "--user", "ana", "--json")).json) == 1

    assert (await cli("code", "revoke", made["public_id"])).status == 0
    async with database.read() as session:
        assert (await service.find_code(session, code_hash(made["code"]))).revoked
    [left] = (await cli("code", "list", "--live", "--json")).json
    assert left["public_id"] in plain.out

    [_, row, _] = (await cli("code", "list")).out.splitlines()
    assert row.split()[:4] == [plain.out.split()[-1].rstrip("."), "-", "team", "-"]

    for arguments, status, words in (
        (("add", "--group", "nobody"), 1, "nobody"),
        (("add", "--group", "team", "--expires", "2001-01-01"), 1, "future"),
        (("add", "--group", "team", "--expires", "soon"), 2, "30d"),
        (("revoke", "db_nothing"), 1, "no such"),
    ):
        done = await cli("code", *arguments)
        assert (done.status, done.out) == (status, ""), arguments
        assert words in done.err


async def test_a_name_that_is_a_number_is_a_name_first_and_else_an_id(cli):
    groups = {name: (await cli("group", "add", name, "--json")).json["id"] for name in ("team", "2024", "1")}
    await cli("user", "add", "007")
    for asked, expected in (("2024", "2024"), (str(groups["team"]), "1"), (str(groups["1"]), "1")):
        made = await cli("code", "add", "--group", asked, "--user", "007", "--json")
        assert made.status == 0, made.err
        assert made.json["group_id"] == groups[expected], asked
    missing = await cli("code", "add", "--group", "777")
    assert (missing.status, missing.out) == (1, "")
