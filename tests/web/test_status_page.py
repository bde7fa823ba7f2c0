"""The status page, the health check, the headers and the schema."""

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from sqlalchemy import text

from daybook.db.engine import Database
from daybook.settings import Settings
from daybook.web.app import create_app


class Page(HTMLParser):
    """The text of a page, and what it would load or run."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.words, self.style = [], [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "style" and not self.style:
            self.style = data
        elif data.strip():
            self.words.append(data.strip())

    @property
    def text(self):
        return " ".join(self.words)


@pytest.fixture
def browser_with(browsers, database, tmp_path):
    async def open_with(**settings):
        app = create_app(database, Settings(data=tmp_path, **settings))
        return await type(browsers)(app, browsers.clients).open()

    return open_with


async def test_the_page_says_that_daybook_runs_and_where_the_gateway_is(visitor):
    answer = await visitor.get("/")
    assert answer.status_code == 200
    page = Page(answer.text)
    assert "Running" in page.text
    assert "Database Up" in page.text
    assert "http://daybook.test/v1" in page.text
    assert "No provider is configured" in page.text


async def test_the_page_tells_the_demo_model_from_a_provider(browser_with, database):
    columns = "(name, provider, base_url, api_key)"
    new = f"INSERT INTO llm_configs {columns} VALUES (:name, 'openai', 'https://a.example', 'x')"
    demo = await browser_with(demo_url="http://127.0.0.1:1/v1")
    async with database.write() as session:
        await session.execute(text(new), {"name": "demo"})
    assert "Only the offline demo model" in Page((await demo.get("/")).text).text
    async with database.write() as session:
        await session.execute(text(new), {"name": "private name"})
    page = (await demo.get("/")).text
    assert "A provider is configured" in Page(page).text
    assert "private name" not in page


async def test_the_page_runs_no_script_loads_nothing_and_its_style_is_allowed(visitor):
    answer = await visitor.get("/")
    page = Page(answer.text)
    assert not {"script", "link", "img", "iframe", "form"} & set(page.tags)
    assert not [name for name in page.attributes if name.startswith("on") or name in {"style", "src"}]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert b64encode(sha256(page.style.encode()).digest()).decode() in policy


async def test_a_host_that_is_made_up_cannot_write_into_the_page(visitor):
    answer = await visitor.get("/", headers={"Host": 'x"><script>alert(1)</script>'})
    assert "<script" not in answer.text


async def test_health_is_well(visitor):
    answer = await visitor.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == answer.json()["database"] == "ok"
    assert (await visitor.head("/health")).status_code == 200


async def test_health_and_page_say_when_the_database_is_away(browsers, tmp_path):
    away = Database.connect(f"postgresql://daybook@/nothing?host={tmp_path}")
    browser = await type(browsers)(create_app(away, Settings(data=tmp_path)), browsers.clients).open()
    health = await browser.get("/health")
    assert health.status_code == 503
    assert health.json()["database"] == "unavailable"
    page = await browser.get("/")
    assert page.status_code == 200
    assert "Database Does not answer" in Page(page.text).text
    await away.close()


@pytest.mark.parametrize("path", ["/", "/health", "/nothing", "/api/v1/session", "/api/v1/openapi.json"])
async def test_every_answer_has_the_security_headers(visitor, path):
    headers = (await visitor.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


async def test_behind_tls_browsers_are_told_to_stay_there(browser_with):
    secure = await browser_with(cookie_secure=True)
    assert "strict-transport-security" in (await secure.get("/")).headers


async def test_the_schema_names_every_operation_once_and_every_error_alike(visitor):
    schema = (await visitor.get("/api/v1/openapi.json")).json()
    known = {tag["name"] for tag in schema["tags"]}
    names = []
    for path, operations in schema["paths"].items():
        assert path.startswith("/api/v1/")
        for operation in operations.values():
            names.append(operation["operationId"])
            assert set(operation["tags"]) <= known, path
            assert operation["tags"], path
            for status in ("4XX", "5XX"):
                reference = operation["responses"][status]["content"]["application/json"]["schema"]["$ref"]
                assert reference.endswith("/ErrorResponse")
            assert "422" not in operation["responses"]
    assert len(names) == len(set(names))
    assert {"sign_in", "get_me", "create_my_code", "list_users", "revoke_code"} <= set(names)
