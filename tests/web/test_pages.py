"""The built pages: every path without a file gets the application, except those of the API."""

import gzip

import httpx2
import pytest_asyncio

from daybook.settings import Settings
from daybook.web.app import create_app
from daybook.web.pages import Pages

INDEX = b"<!doctype html><title>Daybook</title>"
SCRIPT = b"console.log('a page')" * 100


@pytest_asyncio.fixture
async def site(database, tmp_path):
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(INDEX)
    (folder / "assets" / "index-Ab12.js").write_bytes(SCRIPT)
    (folder / "assets" / "index-Ab12.js.gz").write_bytes(gzip.compress(SCRIPT))
    app = create_app(database, Settings(data=tmp_path / "data"), Pages.built(folder))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://daybook.test") as client:
        yield client


async def test_every_page_is_the_application(site):
    for path in ("/", "/recordings", "/admin/calls/17", "/index.html"):
        answer = await site.get(path)
        assert (answer.status_code, answer.content) == (200, INDEX), path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"


async def test_pages_may_run_nothing_but_their_own_scripts(site):
    policy = (await site.get("/")).headers["content-security-policy"]

    assert "script-src 'self';" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy


async def test_files_are_kept_for_ever_and_sent_small(site):
    answer = await site.get("/assets/index-Ab12.js", headers={"accept-encoding": "gzip"})
    plain = await site.get("/assets/index-Ab12.js", headers={"accept-encoding": "identity"})

    assert answer.content == plain.content == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(answer.headers["content-length"]) < len(SCRIPT)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


async def test_what_is_not_a_page_stays_what_it_was(site):
    missing = await site.get("/assets/index-Zz99.js")
    unknown = await site.get("/api/v1/nothing")
    wrong = await site.post("/recordings")
    health = await site.get("/health")

    assert (missing.status_code, unknown.status_code, health.status_code) == (404, 404, 200)
    assert unknown.json()["error"]["code"] == "unknown_path"
    assert wrong.status_code in {404, 405}


async def test_without_built_pages_the_first_page_tells_how_it_stands(database, tmp_path):
    assert Pages.built(tmp_path) is None
