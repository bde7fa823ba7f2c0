"""Files by signed links, and invalid links."""

import base64
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import httpx2
import pytest
import pytest_asyncio

from daybook.kit.secret import Secret
from daybook.storage import links as links_module
from daybook.storage.service import open_store
from daybook.web.app import create_app
from daybook.web.pages import Pages
from support.application.apps import open_app

KEY = "users/1/recordings/r/video.mp4"
VIDEO = bytes(range(256)) * 12_000  # several pieces


@pytest.fixture(params=["folder", "s3"])
def app(request, database, storage_settings, monkeypatch):
    settings = storage_settings(request.param)
    settings.storage_links = "own"
    return open_app(database, settings)


@pytest.mark.parametrize("style", ["false", "true"])
@pytest.mark.parametrize(("kind", "links"), [("folder", "presigned"), ("s3", "own"), ("s3", "presigned")])
async def test_pages_may_show_what_links_lead_to(
    kind, links, style, database, storage_settings, monkeypatch, tmp_path
):
    settings = storage_settings(kind)
    settings.storage_links = links
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", style)
    (tmp_path / "index.html").write_text("<title>Daybook</title>")
    app = create_app(database, settings, Pages.built(tmp_path))
    link = await app.state.store.link(KEY)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://daybook.test"
    ) as client:
        policy = (await client.get("/")).headers["content-security-policy"]

    parts = urlsplit(link)
    host = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    assert bool(host) is (links == "presigned" and kind == "s3")
    assert f"img-src 'self' data: blob:{host};" in policy
    assert f"media-src 'self' blob:{host};" in policy


@pytest_asyncio.fixture
async def video(app):
    """The link of a video."""
    await app.state.store.put(KEY, VIDEO)
    return await app.state.store.link(KEY)


async def test_whoever_has_the_link_reads_the_file_and_nobody_has_to_sign_in(visitor, video):
    answer = await visitor.get(video)

    assert (answer.status_code, answer.content) == (200, VIDEO)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(VIDEO))
    assert answer.headers["content-disposition"].startswith('inline; filename="video.mp4"')
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "private" in answer.headers["cache-control"]


async def test_head_tells_the_same_without_the_bytes(visitor, video):
    whole, head = await visitor.get(video), await visitor.head(video)

    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "last-modified", "content-disposition"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=1000000-", 1_000_000, len(VIDEO)),
        ("bytes=-7", len(VIDEO) - 7, len(VIDEO)),
        ("bytes=-99999999", 0, len(VIDEO)),
        ("bytes=10-99999999999", 10, len(VIDEO)),
        ("BYTES=5-9", 5, 10),
    ],
)
async def test_a_range_is_given_as_it_was_asked_for(visitor, video, asked, start, end):
    answer = await visitor.get(video, headers={"range": asked})

    assert (answer.status_code, answer.content) == (206, VIDEO[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(VIDEO)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=100-104,0-3,-2", "bytes=5-9, 10-19", "bytes=99999999-, 3-4"])
async def test_several_ranges_get_the_whole_file(visitor, video, asked):
    answer = await visitor.get(video, headers={"range": asked})

    assert (answer.status_code, answer.content) == (200, VIDEO)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-length"] == str(len(VIDEO))
    assert "content-range" not in answer.headers


@pytest.mark.parametrize(
    "asked",
    [
        "items=0-5", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=1.5-2", "bytes=0-5;6-7", "",
        "bytes=" + ",".join(f"{place}-{place}" for place in range(0, 40, 2)),
    ],
)  # fmt: skip
async def test_what_is_no_range_gets_the_whole_file(visitor, video, asked):
    answer = await visitor.get(video, headers={"range": asked})

    assert (answer.status_code, len(answer.content)) == (200, len(VIDEO))


@pytest.mark.parametrize(
    "asked", ["bytes=99999999-", "bytes=-0", f"bytes={len(VIDEO)}-", "bytes=9" * 1 + "9" * 17 + "-"]
)
async def test_a_range_that_the_file_has_not_is_refused_with_its_length(visitor, video, asked):
    answer = await visitor.get(video, headers={"range": asked})

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(VIDEO)}"
    assert answer.json()["error"]["code"] == "range_not_satisfiable"


async def test_an_empty_file_has_no_ranges(visitor, app):
    await app.state.store.put("users/1/empty.mp4", b"")
    link = await app.state.store.link("users/1/empty.mp4")

    assert (await visitor.get(link)).status_code == 200
    assert (await visitor.get(link, headers={"range": "bytes=0-"})).status_code == 416


async def test_ranges_are_of_the_file_as_it_was_or_the_file_comes_whole(visitor, app, video):
    known = await visitor.head(video)
    tag, modified = known.headers["etag"], known.headers["last-modified"]

    async def asked(condition):
        return (await visitor.get(video, headers={"range": "bytes=0-4", "if-range": condition})).status_code

    assert [await asked(tag), await asked(modified)] == [206, 206]
    assert [await asked('"other"'), await asked(f"W/{tag}"), await asked("yesterday")] == [200, 200, 200]
    await app.state.store.put(KEY, VIDEO[::-1])
    assert await asked(tag) == 200


async def test_who_has_it_already_is_not_sent_it_again(visitor, video):
    known = await visitor.head(video)
    tag = known.headers["etag"]

    async def asked(**headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await visitor.get(video, headers=named)).status_code

    assert await asked(if_none_match=tag) == 304
    assert await asked(if_none_match=f'"x", W/{tag}') == 304
    assert await asked(if_none_match="*") == 304
    assert await asked(if_none_match='"x"') == 200
    assert await asked(if_modified_since=known.headers["last-modified"]) == 304
    assert (
        await asked(if_modified_since=format_datetime(datetime(2001, 1, 1, tzinfo=UTC), usegmt=True)) == 200
    )
    assert await asked(if_modified_since="nonsense") == 200


async def test_a_link_with_a_name_saves_the_file_under_it(visitor, app, video):
    link = await app.state.store.link(KEY, download_name='臺北 "1"\r\nX: y.mp4')
    answer = await visitor.get(link)

    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"__ _1___X: y.mp4\"; filename*=UTF-8''"
        "%E8%87%BA%E5%8C%97%20%221%22%0D%0AX%3A%20y.mp4"
    )
    assert "x" not in answer.headers


async def test_what_a_browser_might_run_is_only_ever_saved(visitor, app):
    for name in ("page.html", "picture.svg", "script.js", "noend"):
        await app.state.store.put(f"users/1/{name}", b"<script>alert(1)</script>")
        answer = await visitor.get(await app.state.store.link(f"users/1/{name}"))
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")


async def test_only_what_was_signed_opens_something(visitor, app, video):
    token = video.removeprefix("/api/v1/files/")
    payload, _, mac = token.partition(".")
    expires = json.loads(base64.urlsafe_b64decode(payload + "=="))[1]
    other = _token(json.dumps(["users/2/recordings/r/video.mp4", expires]).encode())
    for wrong in (
        f"{other}.{mac}",
        f"{_token(json.dumps([KEY, expires + 86_400]).encode())}.{mac}",
        payload,
        f"{payload}.",
        f".{mac}",
        f"{payload}.{mac[:-1]}",
        f"{payload}.{mac}A",
        f"{payload}.{mac}=",
        f"{payload}=.{mac}",
        f"{payload}.{mac}.{mac}",
        "é.é",
        "..%2f..%2fsecret.key",
        KEY.replace("/", "%2f"),
        "x" * 5000,
    ):
        answer = await visitor.get(f"/api/v1/files/{wrong}")
        assert answer.status_code == 404, wrong
        assert answer.json()["error"]["code"] in {"link_invalid", "unknown_path"}
    assert (await visitor.get(video)).status_code == 200


async def test_a_link_that_was_signed_with_another_secret_opens_nothing(visitor, video, tmp_path):
    other = links_module.LinkSigner(Secret(tmp_path / "elsewhere"))

    assert (await visitor.get(other.link(KEY, timedelta(hours=1)))).status_code == 404


async def test_a_link_ends(visitor, video, monkeypatch):
    now = links_module.time.time()
    monkeypatch.setattr(links_module.time, "time", lambda: now + 6 * 3600 - 1)
    assert (await visitor.get(video)).status_code == 200
    monkeypatch.setattr(links_module.time, "time", lambda: now + 6 * 3600 + 601)
    answer = await visitor.get(video)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "link_expired"


async def test_a_link_that_is_made_again_soon_is_the_same(app, video, monkeypatch):
    now = links_module.time.time() // 600 * 600
    monkeypatch.setattr(links_module.time, "time", lambda: now + 1)
    first = await app.state.store.link(KEY)
    monkeypatch.setattr(links_module.time, "time", lambda: now + 500)

    assert await app.state.store.link(KEY) == first


async def test_a_link_to_what_was_deleted_says_so(visitor, app, video):
    await app.state.store.delete(KEY)
    answer = await visitor.get(video)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_such_file")


async def test_the_key_of_links_is_not_the_secret_itself(storage_settings, tmp_path):
    settings = storage_settings("folder")
    store = open_store(settings)
    await store.link(KEY)
    secret = (settings.data / "secret.key").read_bytes().strip()

    assert (settings.data / "secret.key").stat().st_mode & 0o777 == 0o600
    assert Secret(settings.data).derived("file links") not in {secret, base64.urlsafe_b64decode(secret)}
    assert Secret(settings.data).derived("file links") != Secret(settings.data).derived("something else")


def _token(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
