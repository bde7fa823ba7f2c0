"""The API of one's own profile, password and codes."""

from datetime import timedelta

import pytest

from daybook.accounts import service
from daybook.accounts.codes import code_hash
from daybook.kit.clock import now

ME = "/api/v1/me"
CODES = "/api/v1/me/codes"


async def grant_of(database, code):
    async with database.read() as session:
        return await service.find_code(session, code_hash(code))


async def test_one_sees_oneself_and_no_secret(ana):
    answer = await ana.get(ME)
    assert answer.json()["account"] == "ana"
    assert "hash" not in answer.text
    assert "argon2" not in answer.text


async def test_timezone_and_settings_can_be_changed_one_by_one(ana):
    assert (await ana.patch(ME, json={"timezone": "asia/taipei"})).json()["timezone"] == "Asia/Taipei"
    await ana.patch(ME, json={"settings": {"language": "ZH-hant-tw", "diary_tone": "warm"}})
    answer = await ana.patch(ME, json={"settings": {"automatic_refresh": True, "diary_tone": None}})
    me = answer.json()
    assert me["timezone"] == "Asia/Taipei"
    assert me["settings"] == {"language": "zh-Hant-TW", "automatic_refresh": True}
    assert me["updated_at"] is not None
    assert (await ana.get(ME)).json() == me


async def test_members_of_a_group_are_changed_one_by_one(ana):
    async def change(settings):
        answer = await ana.patch(ME, json={"settings": settings})
        assert answer.status_code == 200, answer.text
        return answer.json()["settings"]

    await change({"diary": {"tone": "warm", "auto_refresh": "21:30"}, "models": {"diary": "gpt-x"}})
    assert await change({"diary": {"tone": "brief"}, "models": None}) == {
        "diary": {"tone": "brief", "auto_refresh": "21:30"}
    }
    assert await change({"diary": {"tone": None}}) == {"diary": {"auto_refresh": "21:30"}}
    assert await change({"diary": {"auto_refresh": None}}) == {}


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "UTC\x00"}, "timezone"),
        ({"timezone": 7}, "timezone"),
        ({"settings": {"language": "chinese please"}}, "language"),
        ({"settings": {"language": 1}}, "language"),
        ({"settings": {"tone": "nul\x00"}}, "settings.tone"),
        ({"settings": {"tone": "x" * 1001}}, "settings.tone"),
        ({"settings": {"tone": {"deep": []}}}, "settings.tone"),
        ({"settings": {"tone": 10**30}}, "settings.tone"),
        ({"settings": {"To Ne": "x"}}, "settings"),
        ({"settings": {"diary": "warm"}}, "settings.diary"),
        ({"settings": {"diary": {"mood": "warm"}}}, "settings.diary"),
        ({"settings": {"diary": {"tone": "angry"}}}, "settings.diary.tone"),
        ({"settings": {"diary": {"auto_refresh": "24:00"}}}, "settings.diary.auto_refresh"),
        ({"settings": {"diary": {"auto_refresh": ["21:30"]}}}, "settings.diary.auto_refresh"),
        ({"settings": {"models": {"diary": 4}}}, "settings.models.diary"),
        ({"settings": {f"s{number}": 1 for number in range(51)}}, "settings"),
        ({"role": "admin"}, "role"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(ana, sent, named):
    answer = await ana.patch(ME, json=sent)
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["message"].startswith(named)


@pytest.mark.parametrize(
    "body",
    [
        b'{"settings": {"tone": "\\ud800"}}',
        b'{"settings": {"\\ud800": 1}}',
        b'{"\\ud800": 1}',
        b'{"timezone": "\\ud800"}',
        b'{"settings": {"tone": NaN}}',
        b'{"settings": {"tone": 1e999}}',
    ],
)
async def test_json_that_no_column_can_hold_is_refused(ana, body):
    answer = await ana.patch(ME, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["message"]


class TestPassword:
    async def test_a_new_one_signs_every_other_browser_out(self, ana, browsers):
        other = await browsers.sign_in("ana", "correct horse")
        sent = {"current_password": "correct horse", "new_password": "battery staple"}
        assert (await ana.put(f"{ME}/password", json=sent)).status_code == 204
        assert (await ana.get(ME)).status_code == 200
        assert (await other.get(ME)).status_code == 401
        assert await browsers.sign_in("ana", "battery staple")

    async def test_the_current_one_is_asked_for_and_cannot_be_guessed_at(self, ana):
        sent = {"current_password": "wrong password", "new_password": "battery staple"}
        for _ in range(10):
            answer = await ana.put(f"{ME}/password", json=sent)
            assert answer.status_code == 400
            assert answer.json()["error"]["code"] == "wrong_current_password"
        assert (await ana.put(f"{ME}/password", json=sent)).status_code == 429

    async def test_a_short_one_is_refused_without_repeating_it(self, ana):
        for secret in ("hunter2", {"deep": "hunter2"}, ["hunter2"]):
            sent = {"current_password": "correct horse", "new_password": secret}
            answer = await ana.put(f"{ME}/password", json=sent)
            assert answer.status_code in {400, 422}
            assert "hunter2" not in answer.text


class TestCodes:
    async def test_a_code_of_ones_own_is_shown_once_and_works(self, ana, database):
        made = await ana.post(CODES, json={"name": "laptop", "models": ["gpt-*"], "requests_per_minute": 5})
        assert made.status_code == 201
        code = made.json()["code"]
        grant = await grant_of(database, code)
        assert grant.models == ("gpt-*",)
        assert grant.requests_per_minute == 5
        assert not grant.revoked
        listed = await ana.get(CODES)
        assert [one["name"] for one in listed.json()["list"]] == ["laptop"]
        assert code not in listed.text

    async def test_revoking_ends_it_at_once(self, ana, database):
        made = (await ana.post(CODES, json={})).json()
        revoked = await ana.delete(f"{CODES}/{made['public_id']}")
        assert revoked.json()["revoked_at"] is not None
        assert (await grant_of(database, made["code"])).revoked
        assert (await ana.delete(f"{CODES}/{made['public_id']}")).json() == revoked.json()
        assert (await ana.get(CODES, params={"live": True})).json()["total"] == 0

    async def test_anothers_code_is_not_there(self, ana, admin):
        others = (await admin.get(CODES)).json()["list"][0]["public_id"]
        assert (await ana.delete(f"{CODES}/{others}")).status_code == 404
        assert others not in (await ana.get(CODES)).text
        assert (await admin.get(CODES)).json()["list"][0]["revoked_at"] is None

    async def test_a_group_of_which_one_has_no_code_is_not_for_one(self, ana, admin):
        group = (await admin.post("/api/v1/admin/groups", json={"name": "lab"})).json()
        assert (await ana.post(CODES, json={"group_id": group["id"]})).status_code == 404
        assert (await ana.post(CODES, json={"group_id": 4711})).status_code == 404

    async def test_ones_own_codes_go_no_further_than_the_one_that_was_given(self, ana, admin):
        group = (await admin.post("/api/v1/admin/groups", json={"name": "lab"})).json()["id"]
        soon = (now() + timedelta(days=1)).isoformat()
        given = {"models": ["gpt-*", "claude-x"], "requests_per_minute": 5, "expires_at": soon}
        whose = {"group_id": group, "user_id": (await ana.get(ME)).json()["id"]}
        assert (await admin.post("/api/v1/admin/codes", json=given | whose)).status_code == 201
        own = await ana.post(CODES, json={"group_id": group})
        assert own.status_code == 201
        assert own.json()["models"] == ["gpt-*", "claude-x"]
        assert own.json()["requests_per_minute"] == 5
        assert own.json()["expires_at"] is not None
        later = (now() + timedelta(days=9)).isoformat()
        for more in ({"models": ["o3"]}, {"requests_per_minute": 6}, {"expires_at": later}):
            assert (await ana.post(CODES, json={"group_id": group, **more})).status_code == 403
        less = {"models": ["claude-x"], "requests_per_minute": 1, "tokens_per_minute": 10}
        assert (await ana.post(CODES, json={"group_id": group, **less})).status_code == 201

    async def test_fifty_are_enough(self, ana):
        for _ in range(50):
            assert (await ana.post(CODES, json={})).status_code == 201
        answer = await ana.post(CODES, json={})
        assert answer.status_code == 429
        assert "revoke" in answer.json()["error"]["message"]
