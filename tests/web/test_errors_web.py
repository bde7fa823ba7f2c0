"""Responses to invalid requests and to failures of Daybook."""

import logging

import pytest
from sqlalchemy import text

from daybook.db.dependencies import Writing
from daybook.db.engine import Database
from daybook.kit import errors as kinds
from daybook.settings import Settings
from daybook.web.app import create_app

SESSION = "/api/v1/session"
SECRET = "a-secret-that-nobody-logs"


def error_of(answer):
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "details"}
    return body["error"]["code"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/api", "/api/v1/", "/api/v1/me/", "/docs", "/redoc", "/openapi.json", "/%00"]
)
async def test_an_unknown_path_is_not_found_in_the_same_shape(visitor, path):
    answer = await visitor.get(path)
    assert answer.status_code == 404
    assert error_of(answer) == "unknown_path"


async def test_a_wrong_method_is_told_the_right_ones(visitor):
    answer = await visitor.put(SESSION)
    assert answer.status_code == 405
    assert error_of(answer) == "wrong_method"
    assert "allow" in answer.headers


@pytest.mark.parametrize(
    "body", [b"{", b"", b"\xff\xfe", b'{"account": "a", "password": "b"', b"[" * 100_000, b"9" * 10_000]
)
async def test_what_is_not_json_is_refused(visitor, body):
    answer = await visitor.post(SESSION, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert error_of(answer)


async def test_json_must_be_called_json(visitor):
    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        answer = await visitor.post(
            SESSION, content=b'{"account": "a", "password": "b"}', headers={"Content-Type": content_type}
        )
        assert answer.status_code == 415
        assert "application/json" in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"{}", b'{"account": 1, "password": 2}'])
async def test_json_of_another_shape_is_refused_in_words(visitor, body):
    answer = await visitor.post(SESSION, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert error_of(answer) == "invalid_request"


async def test_a_refusal_names_the_field_and_does_not_repeat_the_value(visitor):
    answer = await visitor.post(
        SESSION, json={"account": ["x"], "password": {"a": SECRET}, SECRET * 50: SECRET}
    )
    assert answer.status_code == 422
    message = answer.json()["error"]["message"]
    assert "account: " in message
    assert "password: " in message
    assert f": {SECRET}" not in message
    assert len(message) < 1000


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(visitor):
    asked = 0

    async def endless():
        nonlocal asked
        while asked < 100:
            asked += 1
            yield b"x" * 2**18

    json = {"Content-Type": "application/json"}
    announced = await visitor.post(SESSION, content=b"x" * (2**20 + 1), headers=json)
    unannounced = await visitor.post(SESSION, content=endless(), headers=json)
    for answer in (announced, unannounced):
        assert answer.status_code == 413
        assert error_of(answer) == "body_too_large"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (kinds.Invalid, 400),
        (kinds.Unauthenticated, 401),
        (kinds.Forbidden, 403),
        (kinds.NotFound, 404),
        (kinds.Conflict, 409),
        (kinds.Limited, 429),
        (kinds.Upstream, 502),
        (kinds.Unavailable, 503),
    ],
)
async def test_each_kind_of_error_has_its_status(app, visitor, kind, status):
    class Particular(kind):
        code = "particular"

    @app.get("/raise")
    async def fail():
        raise Particular("What happened, and what to do. \ud800")

    answer = await visitor.get("/raise")
    assert answer.status_code == status
    assert error_of(answer) == "particular"


async def test_a_limit_says_when_to_try_again(app, visitor):
    @app.get("/raise")
    async def fail():
        raise kinds.Limited("Later.", retry_after=1.2)

    assert (await visitor.get("/raise")).headers["retry-after"] == "2"


async def test_what_nobody_expected_is_a_500_with_a_number_that_the_log_has_without_the_secret(
    app, visitor, caplog
):
    @app.get("/raise")
    async def fail():
        try:
            int(SECRET)
        except ValueError as cause:
            raise RuntimeError(f"key {SECRET} was wrong") from cause

    with caplog.at_level(logging.DEBUG):
        answer = await visitor.get("/raise", headers={"Cookie": f"daybook_session={SECRET}"})
    assert answer.status_code == 500
    assert error_of(answer) == "internal"
    number = answer.headers["x-daybook-call-id"]
    assert number in answer.json()["error"]["message"]
    assert answer.json()["error"]["details"] == {"number": number}
    assert SECRET not in answer.text
    assert number in caplog.text
    assert "RuntimeError" in caplog.text
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"


class TestCommit:
    """Work is committed before the response is sent, and a failed commit is no 200."""

    async def test_a_commit_that_fails_is_an_error_and_nothing_is_kept(self, app, visitor, database):
        async with database.write() as session:
            await session.execute(text("CREATE TABLE parents (id int PRIMARY KEY)"))
            await session.execute(
                text("CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")
            )

        @app.post("/children")
        async def create_child(session: Writing, parent: int):
            await session.execute(text("INSERT INTO children VALUES (:parent)"), {"parent": parent})
            return {"made": True}

        answer = await visitor.post("/children", params={"parent": 1})
        assert answer.status_code == 409
        assert error_of(answer) == "conflict"
        async with database.read() as session:
            assert await session.scalar(text("SELECT count(*) FROM children")) == 0

    async def test_a_client_that_has_its_answer_finds_what_it_wrote(self, app, database):
        @app.post("/groups")
        async def create(session: Writing):
            await session.execute(text("INSERT INTO groups (name) VALUES ('lab')"))
            return {"made": True}

        seen = []

        async def send(message):
            if message["type"] == "http.response.start":
                async with database.read() as session:
                    seen.append(await session.scalar(text("SELECT count(*) FROM groups")))

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/groups",
            "raw_path": b"/groups",
            "root_path": "",
            "query_string": b"",
            "headers": [],
            "client": ("192.0.2.1", 1),
            "server": ("daybook.test", 80),
        }
        await app(scope, receive, send)
        assert seen == [1]

    async def test_an_endpoint_that_fails_leaves_nothing(self, app, visitor, database):
        @app.post("/groups")
        async def create(session: Writing):
            await session.execute(text("INSERT INTO groups (name) VALUES ('lab')"))
            raise kinds.Invalid("No.")

        assert (await visitor.post("/groups")).status_code == 400
        async with database.read() as session:
            assert await session.scalar(text("SELECT count(*) FROM groups")) == 0


async def test_what_a_column_cannot_hold_is_the_senders_mistake(app, visitor):
    @app.post("/groups")
    async def create(session: Writing, name: str):
        await session.execute(text("INSERT INTO groups (name) VALUES (:name)"), {"name": name})

    for name in ("\x00", "x" * 129):
        assert (await visitor.post("/groups", params={"name": name})).status_code == 400


async def test_a_database_that_is_away_is_a_503(browsers, tmp_path):
    away = Database.connect(f"postgresql://daybook@/nothing?host={tmp_path}")
    browser = await type(browsers)(create_app(away, Settings(data=tmp_path)), browsers.clients).open()
    answer = await browser.post(SESSION, json={"account": "ana", "password": "correct horse"})
    assert answer.status_code == 503
    assert error_of(answer) == "database_unavailable"
    assert "retry-after" in answer.headers
    await away.close()
