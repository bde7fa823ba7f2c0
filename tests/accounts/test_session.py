"""Sign-in and sign-out by a browser."""

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from daybook.accounts.models import SignIn, SignInFailure, User
from daybook.accounts.passwords import needs_rehash
from daybook.db.engine import Database
from daybook.kit.clock import now
from daybook.settings import Settings
from daybook.web.app import create_app
from support.application.browsers import ADDRESS, Browsers

SESSION = "/api/v1/session"


def credentials(password="correct horse", account="ana"):
    return {"account": account, "password": password}


async def test_signing_in_tells_who_one_is_and_sets_a_cookie_that_scripts_cannot_read(visitor, first_run):
    answer = await visitor.post(SESSION, json=credentials(first_run.password, "admin"))
    assert answer.status_code == 200
    assert answer.json()["user"]["account"] == "admin"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    assert f"max-age={30 * 86400}" in cookie
    assert (await visitor.get(SESSION)).json()["user"]["role"] == "admin"


async def test_behind_tls_the_cookie_is_for_https_only(database, first_run, tmp_path, browsers):
    secure = Browsers(create_app(database, Settings(data=tmp_path, cookie_secure=True)), browsers.clients)
    answer = await (await secure.open()).post(SESSION, json=credentials(first_run.password, "admin"))
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_the_token_is_not_in_the_database(ana, database):
    token = ana.cookies["daybook_session"]
    async with database.read() as session:
        kept = (await session.scalars(select(SignIn.token_hash))).all()
    assert len(kept) == 2  # the administrator and ana
    assert all(token.encode() not in one for one in kept)


async def test_nobody_is_signed_in_without_a_cookie_or_with_a_made_up_one(visitor):
    for token in (None, "made-up", "", "%C3%A9", "x" * 5000):
        headers = {} if token is None else {"Cookie": f"daybook_session={token}"}
        answer = await visitor.get(SESSION, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize(
    "sent",
    [
        credentials("wrong password"),
        credentials(account="nobody"),
        credentials(""),
        credentials(account=""),
        credentials(account="with\x00nul"),
        credentials("\x00"),
        credentials("x" * 1000),
    ],
)
async def test_wrong_credentials_are_answered_alike(ana, visitor, sent):
    answer = await visitor.post(SESSION, json=sent)
    assert answer.status_code == 401
    assert answer.json()["error"] == {
        "code": "wrong_password",
        "details": {},
        "message": "The account or the password is wrong.",
    }
    assert "set-cookie" not in answer.headers


async def test_the_account_may_be_typed_in_any_case(ana, visitor):
    assert (await visitor.post(SESSION, json=credentials(account=" Ana "))).status_code == 200


async def test_signing_out_ends_the_session_for_good(ana, visitor):
    token = ana.cookies["daybook_session"]
    assert (await ana.delete(SESSION)).status_code == 204
    assert "daybook_session" not in ana.cookies
    answer = await visitor.get(SESSION, headers={"Cookie": f"daybook_session={token}"})
    assert answer.status_code == 401
    assert (await ana.delete(SESSION)).status_code == 204


async def test_a_sign_in_that_is_used_lasts_and_one_that_is_not_ends(ana, database):
    async def expires_in(time):
        async with database.write() as session:
            await session.execute(update(SignIn).values(expires_at=now() + time))

    await expires_in(timedelta(days=3))
    answer = await ana.get(SESSION)
    assert f"max-age={30 * 86400}" in answer.headers["set-cookie"].lower()
    async with database.read() as session:
        assert await session.scalar(select(func.max(SignIn.expires_at))) > now() + timedelta(days=29)
    # Not written again at every request.
    assert "set-cookie" not in (await ana.get(SESSION)).headers
    await expires_in(timedelta(seconds=-1))
    assert (await ana.get(SESSION)).status_code == 401


async def test_an_inactive_user_is_not_signed_in_though_the_sign_in_is_there(ana, database):
    async with database.write() as session:
        await session.execute(update(User).where(User.account == "ana").values(active=False))
    assert (await ana.get(SESSION)).status_code == 401


async def test_a_password_kept_with_old_parameters_is_kept_anew(ana, database, visitor):
    async def stored():
        async with database.read() as session:
            return await session.scalar(select(User.password_hash).where(User.account == "ana"))

    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("correct horse")
    async with database.write() as session:
        await session.execute(update(User).where(User.account == "ana").values(password_hash=old))
    assert (await visitor.post(SESSION, json=credentials())).status_code == 200
    assert not needs_rehash(await stored())
    assert (await visitor.post(SESSION, json=credentials())).status_code == 200


class TestAttempts:
    async def test_after_ten_failures_even_the_right_password_has_to_wait(self, ana, visitor):
        for _ in range(10):
            assert (await visitor.post(SESSION, json=credentials("wrong password"))).status_code == 401
        answer = await visitor.post(SESSION, json=credentials())
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "too_many_attempts"
        assert 0 < int(answer.headers["retry-after"]) <= 15 * 60

    async def test_others_are_not_kept_out_with_them(self, ana, visitor, first_run, browsers):
        for _ in range(10):
            await visitor.post(SESSION, json=credentials("wrong password"))
        assert await browsers.sign_in(first_run.account, first_run.password)

    async def test_time_lets_them_in_again(self, ana, visitor, database):
        for _ in range(10):
            await visitor.post(SESSION, json=credentials("wrong password"))
        async with database.write() as session:
            await session.execute(
                update(SignInFailure).values(failed_at=SignInFailure.failed_at - timedelta(minutes=15))
            )
        assert (await visitor.post(SESSION, json=credentials())).status_code == 200
        async with database.read() as session:
            assert await session.scalar(select(func.count()).select_from(SignInFailure)) == 0

    async def test_a_success_clears_the_count(self, ana, visitor):
        for _ in range(9):
            await visitor.post(SESSION, json=credentials("wrong password"))
        assert (await visitor.post(SESSION, json=credentials())).status_code == 200
        for _ in range(10):
            assert (await visitor.post(SESSION, json=credentials("wrong password"))).status_code == 401

    async def test_one_address_cannot_go_through_many_accounts(self, ana, visitor, browsers):
        for number in range(50):
            sent = credentials("wrong password", f"account{number}")
            assert (await visitor.post(SESSION, json=sent)).status_code == 401
        assert (await visitor.post(SESSION, json=credentials())).status_code == 429
        elsewhere = await browsers.open("192.0.2.2")
        assert (await elsewhere.post(SESSION, json=credentials())).status_code == 200

    async def test_one_ipv6_network_counts_as_one_address(self, browsers):
        for number in range(50):
            browser = await browsers.open(f"2001:db8:0:1::{number:x}")
            await browser.post(SESSION, json=credentials("wrong password", f"account{number}"))
        same = await browsers.open("2001:db8:0:1:ffff::1")
        assert (await same.post(SESSION, json=credentials(account="other"))).status_code == 429
        other = await browsers.open("2001:db8:0:2::1")
        assert (await other.post(SESSION, json=credentials(account="other"))).status_code == 401

    async def test_attempts_at_the_same_time_in_two_processes_count_each_once(
        self, ana, browsers, database_url, tmp_path
    ):
        """Two applications with separate connections stand for two processes."""
        second = Database.connect(database_url)
        other = Browsers(create_app(second, Settings(data=tmp_path)), browsers.clients)
        sessions = [await browsers.open(), await other.open()]
        answers = await asyncio.gather(
            *(sessions[turn % 2].post(SESSION, json=credentials("wrong password")) for turn in range(24))
        )
        await second.close()
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [401] * 10 + [429] * 14


class TestCrossSite:
    async def test_a_page_of_another_site_changes_nothing(self, ana):
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://[broken"},
            {"Origin": f"{ADDRESS}:8400"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Origin": ADDRESS},
        ):
            answer = await ana.patch("/api/v1/me", json={"timezone": "Asia/Taipei"}, headers=headers)
            assert answer.status_code == 403, headers
            assert answer.json()["error"]["code"] == "cross_site"
        assert (await ana.get("/api/v1/me")).json()["timezone"] == "UTC"

    async def test_nor_signs_anybody_in(self, ana, visitor):
        answer = await visitor.post(SESSION, json=credentials(), headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403

    async def test_daybooks_own_pages_and_programs_may(self, ana):
        for headers in ({"Origin": ADDRESS}, {"Sec-Fetch-Site": "same-origin"}, {}):
            answer = await ana.patch("/api/v1/me", json={"timezone": "Asia/Taipei"}, headers=headers)
            assert answer.status_code == 200, headers

    async def test_looking_is_not_changing(self, ana):
        answer = await ana.get("/api/v1/me", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 200
