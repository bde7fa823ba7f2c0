"""Administration of users, groups and codes."""

import asyncio
from datetime import timedelta

import pytest

from daybook.accounts import service
from daybook.accounts.codes import code_hash
from daybook.accounts.models import Role
from daybook.accounts.schemas import UserUpdate
from daybook.kit.clock import now
from daybook.kit.errors import Conflict

USERS = "/api/v1/admin/users"
GROUPS = "/api/v1/admin/groups"
CODES = "/api/v1/admin/codes"


async def grant_of(database, code):
    async with database.read() as session:
        return await service.find_code(session, code_hash(code))


def every_path(app, prefix):
    for path, methods in app.openapi()["paths"].items():
        if path.startswith(prefix):
            for method in methods:
                yield method.upper(), path.replace("{", "").replace("}", "").replace("_id", "")


async def test_every_administration_path_is_for_administrators_only(app, ana, visitor):
    paths = list(every_path(app, "/api/v1/admin/"))
    assert len(paths) >= 13
    for method, path in paths:
        assert (await visitor.request(method, path, json={})).status_code == 401, (method, path)
        assert (await ana.request(method, path, json={})).status_code == 403, (method, path)


async def test_every_path_of_ones_own_asks_who_one_is(app, visitor):
    paths = list(every_path(app, "/api/v1/me"))
    assert len(paths) >= 6
    for method, path in paths:
        assert (await visitor.request(method, path, json={})).status_code == 401, (method, path)


class TestUsers:
    async def test_a_user_without_a_password_gets_one_that_is_shown_once(self, admin, browsers):
        made = await admin.post(USERS, json={"account": "Ben@Example.org"})
        assert made.status_code == 201
        assert made.json()["account"] == "ben@example.org"
        assert await browsers.sign_in("ben@example.org", made.json()["password"])
        assert "password" not in (await admin.get(f"{USERS}/{made.json()['id']}")).json()

    async def test_a_password_that_was_sent_is_not_sent_back(self, admin):
        made = await admin.post(USERS, json={"account": "ben", "password": "correct horse"})
        assert "correct horse" not in made.text

    async def test_an_account_is_there_once(self, admin, ana):
        answer = await admin.post(USERS, json={"account": "ANA", "password": "correct horse"})
        assert answer.status_code == 409
        assert "ana" in answer.json()["error"]["message"]

    async def test_two_at_the_same_time_make_one(self, admin):
        sent = {"account": "ben", "password": "correct horse"}
        answers = await asyncio.gather(*(admin.post(USERS, json=sent) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]

    @pytest.mark.parametrize(
        "account", ["", " ", "two words", "a" * 256, "nul\x00", "colon:", "line\nbreak", "<script>"]
    )
    async def test_an_account_that_cannot_be_is_refused(self, admin, account):
        answer = await admin.post(USERS, json={"account": account, "password": "correct horse"})
        assert answer.status_code == 400
        assert "account" in answer.json()["error"]["message"]

    async def test_users_are_listed_page_by_page_and_found(self, admin):
        for number in range(5):
            await admin.post(USERS, json={"account": f"user{number}", "password": "correct horse"})
        page = (await admin.get(USERS, params={"page": 2, "page_size": 2})).json()
        assert [user["account"] for user in page["list"]] == ["user1", "user2"]
        assert (page["page"], page["page_size"], page["total"], page["has_more"]) == (2, 2, 6, True)
        found = (await admin.get(USERS, params={"search": "SER3"})).json()
        assert [user["account"] for user in found["list"]] == ["user3"]
        for nothing in ("%", "_____", "\x00", "\\"):
            answer = await admin.get(USERS, params={"search": nothing})
            assert answer.status_code in {200, 400}
            assert answer.status_code == 400 or answer.json()["total"] == 0

    @pytest.mark.parametrize("query", ["page=0", "page=x", "page_size=0", "page_size=201", f"page={10**30}"])
    async def test_a_page_that_cannot_be_is_refused(self, admin, query):
        assert (await admin.get(f"{USERS}?{query}")).status_code in {400, 422}

    async def test_one_made_inactive_is_out_at_once(self, admin, ana, browsers, database):
        code = (await ana.post("/api/v1/me/codes", json={})).json()["code"]
        me = (await ana.get("/api/v1/me")).json()["id"]
        assert (await admin.patch(f"{USERS}/{me}", json={"active": False})).json()["active"] is False
        assert (await ana.get("/api/v1/me")).status_code == 401
        assert (await grant_of(database, code)).revoked
        answer = await (await browsers.open()).post(
            "/api/v1/session", json={"account": "ana", "password": "correct horse"}
        )
        assert answer.status_code == 401
        await admin.patch(f"{USERS}/{me}", json={"active": True})
        assert (await ana.get("/api/v1/me")).status_code == 401  # the old cookie stays dead
        assert await browsers.sign_in("ana", "correct horse")

    async def test_a_password_set_by_an_administrator_ends_their_sign_ins(self, admin, ana, browsers):
        me = (await ana.get("/api/v1/me")).json()["id"]
        made = (await admin.put(f"{USERS}/{me}/password", json={})).json()["password"]
        assert (await ana.get("/api/v1/me")).status_code == 401
        assert await browsers.sign_in("ana", made)

    async def test_the_last_administrator_stays(self, admin, ana):
        first = (await admin.get("/api/v1/me")).json()["id"]
        for change in ({"role": "user"}, {"active": False}):
            answer = await admin.patch(f"{USERS}/{first}", json=change)
            assert answer.status_code == 409
            assert answer.json()["error"]["code"] == "last_administrator"
        me = (await ana.get("/api/v1/me")).json()["id"]
        await admin.patch(f"{USERS}/{me}", json={"role": "admin"})
        assert (await admin.patch(f"{USERS}/{first}", json={"role": "user"})).status_code == 200
        assert (await admin.get(USERS)).status_code == 403

    async def test_two_administrators_cannot_demote_each_other(self, database):
        async with database.write() as session:
            pair = [
                (await service.create_user(session, name, role=Role.ADMIN)).user.id for name in ("eva", "ivo")
            ]

        async def demote(user_id):
            async with database.write() as session:
                await service.update_user(session, user_id, UserUpdate(role=Role.USER))

        async with database.write() as session:
            await service.update_user(session, pair[0], UserUpdate(role=Role.USER))
            other = asyncio.create_task(demote(pair[1]))
            await asyncio.sleep(0.3)  # by now it waits for this transaction, which is about to be committed
        with pytest.raises(Conflict):
            await other

    @pytest.mark.parametrize("user_id", ["4711", str(2**31 - 1)])
    async def test_a_user_that_is_not_there_is_not_found(self, admin, user_id):
        assert (await admin.get(f"{USERS}/{user_id}")).status_code == 404
        assert (await admin.patch(f"{USERS}/{user_id}", json={"active": False})).status_code == 404

    @pytest.mark.parametrize("user_id", ["0", "-1", "x", str(2**31), str(10**40)])
    async def test_an_id_that_cannot_be_is_refused(self, admin, user_id):
        assert (await admin.get(f"{USERS}/{user_id}")).status_code == 422


class TestGroups:
    async def test_a_group_is_made_changed_and_archived(self, admin):
        made = await admin.post(GROUPS, json={"name": " Lab ", "description": "two\nlines"})
        assert made.status_code == 201
        assert (made.json()["name"], made.json()["description"]) == ("Lab", "two\nlines")
        path = f"{GROUPS}/{made.json()['id']}"
        assert (await admin.patch(path, json={"name": "實驗室"})).json()["name"] == "實驗室"
        assert (await admin.patch(path, json={"archived": True})).json()["archived_at"] is not None
        assert [group["name"] for group in (await admin.get(GROUPS)).json()["list"]] == ["default"]
        assert (await admin.get(GROUPS, params={"archived": True})).json()["total"] == 2
        assert (await admin.patch(path, json={"archived": False})).json()["archived_at"] is None

    async def test_a_name_is_there_once(self, admin):
        assert (await admin.post(GROUPS, json={"name": "default"})).status_code == 409
        other = (await admin.post(GROUPS, json={"name": "lab"})).json()["id"]
        assert (await admin.patch(f"{GROUPS}/{other}", json={"name": "default"})).status_code == 409
        assert (await admin.get(f"{GROUPS}/{other}")).json()["name"] == "lab"

    @pytest.mark.parametrize("name", ["", "  ", "x" * 129, "nul\x00", "line\nbreak"])
    async def test_a_name_that_cannot_be_is_refused(self, admin, name):
        assert (await admin.post(GROUPS, json={"name": name})).status_code == 400

    async def test_the_codes_of_an_archived_group_are_refused(self, admin, database):
        group = (await admin.post(GROUPS, json={"name": "lab"})).json()["id"]
        code = (await admin.post(CODES, json={"group_id": group})).json()["code"]
        assert not (await grant_of(database, code)).revoked
        await admin.patch(f"{GROUPS}/{group}", json={"archived": True})
        assert (await grant_of(database, code)).revoked
        assert (await admin.post(CODES, json={"group_id": group})).status_code == 409
        await admin.patch(f"{GROUPS}/{group}", json={"archived": False})
        assert not (await grant_of(database, code)).revoked


class TestCodes:
    async def test_a_code_is_shown_once_and_its_limits_are_found_by_its_hash(self, admin, database):
        expires = now() + timedelta(days=1)
        sent = {
            "group_id": 1,
            "name": "robot",
            "models": ["gpt-*", "gpt-*", " claude-x "],
            "requests_per_minute": 60,
            "tokens_per_minute": 1000,
            "expires_at": expires.isoformat(),
        }
        made = (await admin.post(CODES, json=sent)).json()
        grant = await grant_of(database, made["code"])
        assert grant.public_id == made["public_id"]
        assert (grant.group_id, grant.user_id, grant.models) == (1, None, ("gpt-*", "claude-x"))
        assert (grant.requests_per_minute, grant.tokens_per_minute) == (60, 1000)
        assert grant.expires_at == expires
        shown = await admin.get(f"{CODES}/{made['public_id']}")
        assert shown.json()["name"] == "robot"
        assert made["code"] not in shown.text + (await admin.get(CODES)).text

    async def test_only_what_is_sent_is_changed_and_null_takes_a_limit_away(self, admin):
        sent = {"group_id": 1, "name": "robot", "models": ["gpt-*"], "requests_per_minute": 60}
        path = f"{CODES}/{(await admin.post(CODES, json=sent)).json()['public_id']}"
        changed = (await admin.patch(path, json={"requests_per_minute": None})).json()
        assert (changed["requests_per_minute"], changed["models"], changed["name"]) == (
            None,
            ["gpt-*"],
            "robot",
        )
        changed = (await admin.patch(path, json={"models": None, "tokens_per_minute": 5})).json()
        assert (changed["models"], changed["tokens_per_minute"]) == (None, 5)

    async def test_codes_are_listed_by_group_and_user(self, admin, ana):
        group = (await admin.post(GROUPS, json={"name": "lab"})).json()["id"]
        me = (await ana.get("/api/v1/me")).json()["id"]
        await admin.post(CODES, json={"group_id": group, "name": "lab"})
        await admin.post(CODES, json={"group_id": 1, "user_id": me, "name": "hers"})

        async def names(**query):
            return [code["name"] for code in (await admin.get(CODES, params=query)).json()["list"]]

        assert await names() == ["hers", "lab", "first code"]
        assert await names(group_id=group) == ["lab"]
        assert await names(user_id=me) == ["hers"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"models": []},
            {"models": [""]},
            {"models": ["x" * 10_000]},
            {"models": ["m"] * 101},
            {"models": "gpt-4"},
            {"requests_per_minute": 0},
            {"requests_per_minute": -1},
            {"tokens_per_minute": 2**31},
            {"tokens_per_minute": 1.5},
            {"expires_at": "yesterday"},
            {"expires_at": "2001-01-01T00:00:00Z"},
            {"expires_at": "9999-12-31T23:59:59-12:00"},
            {"name": ""},
            {"name": "x" * 129},
            {"unknown": 1},
        ],
    )
    async def test_what_cannot_be_is_refused_by_name(self, admin, wrong):
        answer = await admin.post(CODES, json={"group_id": 1, **wrong})
        assert answer.status_code in {400, 422}
        assert answer.json()["error"]["message"].startswith(next(iter(wrong)))

    @pytest.mark.parametrize("wrong", [{"group_id": 4711}, {"group_id": 1, "user_id": 4711}])
    async def test_a_code_is_for_a_group_and_user_that_are_there(self, admin, wrong):
        assert (await admin.post(CODES, json=wrong)).status_code == 404

    @pytest.mark.parametrize("public_id", ["db_nothing", "%00", "%F0%9F%98%80", "x" * 5000])
    async def test_a_code_that_is_not_there_is_not_found(self, admin, public_id):
        for method in ("GET", "DELETE"):
            assert (await admin.request(method, f"{CODES}/{public_id}")).status_code == 404
