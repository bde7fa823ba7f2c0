"""Senders that do it wrong, or mean ill: each is told what was wrong, and nothing of it stays."""

import base64
import errno

import pytest
import pytest_asyncio

from daybook.lifelog.uploads import service
from daybook.lifelog.uploads.errors import TusError
from daybook.lifelog.uploads.metadata import declared
from daybook.lifelog.uploads.staging import Staged
from daybook.settings import Settings
from support.application.apps import open_app
from support.lifelog.tus import UPLOADS, VERSION, Tus, checksum, metadata
from support.videos.clips import clip

LIMIT = 200_000


@pytest.fixture
def app(database, tmp_path):
    return open_app(database, Settings(data=tmp_path, max_upload=LIMIT))


@pytest_asyncio.fixture
async def tus(ana):
    return Tus(ana)


def error(answer):
    return answer.status_code, answer.json()["error"]["code"]


async def test_lengths_that_cannot_be(tus):
    for length, status, code in (
        ("0", 422, "empty_file"),
        (str(LIMIT + 1), 413, "file_too_large"),
        ("9" * 15, 413, "file_too_large"),
        ("9" * 30, 400, "bad_header"),
        ("-1", 400, "bad_header"),
        ("1e3", 400, "bad_header"),
        ("", 400, "bad_header"),
        ("+5", 400, "bad_header"),
        ("\xb2", 400, "bad_header"),  # ² is a digit to some
    ):
        assert error(await tus.create(length.encode("latin-1"))) == (status, code), length
    assert (await tus.browser.get(UPLOADS)).json()["total"] == 0


@pytest.mark.parametrize(
    "told",
    [
        "filename not-base64!", "filename Zg", "filename ZmlsbQ== extra", "filename /w==", "filename ZmlsbQ==,,x Zg==",
        "filename ZmlsbQ==,filename ZmlsbQ==", "filename  ZmlsbQ==", ",",
        metadata(filename="a.mp4", sha256="abc"), metadata(filename="a.mp4", sha256="g" * 64),
        metadata(filename="a.mp4", sha256=base64.b64encode(b"short").decode()),
        metadata(filename="."), metadata(filename=".."), metadata(filename="a/.."), metadata(filename="\\..\\"),
        metadata(filename="///"), metadata(filename="\x00\x01"), metadata(filename=b"\xff\xfe"),
        metadata(filename="a.mp4", note="a\x00b"), metadata(filename="a.mp4", note="x" * 4097),
        metadata(filename="a.mp4", lastModified="soon"), metadata(filename="a.mp4", lastModified="9" * 30),
        metadata(filename="a.mp4", lastModified="2026-01-01T00:00:00"),
        metadata(filename="a.mp4", timezone="Mars/Olympus"), metadata(filename="a.mp4", timezone="../../etc/passwd"),
        metadata(filename="a.mp4", timezone="/etc/passwd"), metadata(filename="a.mp4", timezone="Asia"),
        ",".join(f"k{number} Zg==" for number in range(33)), "f\xef ZmlsbQ==",
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_read(told):
    with pytest.raises(TusError) as refusal:
        declared(told)
    assert (refusal.value.status, refusal.value.code) == (400, "bad_metadata")


async def test_the_sender_of_such_metadata_is_told(tus):
    for told in (b"filename not-base64!", b"f\xef ZmlsbQ==", b"filename ZmlsbQ==\xff"):
        assert error(await tus.create(100, told)) == (400, "bad_metadata")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../../etc/passwd", "passwd"),
        ("C:\\Videos\\臺北 1.mp4", "臺北 1.mp4"),
        ("a\x00b\r\n\x1b[31m.mp4", "ab[31m.mp4"),
        ("day\u202e4pm.exe", "day4pm.exe"),
        ("folder/", "folder"),
        ("x" * 300 + ".mp4", "x" * 200 + "x" * 51 + ".mp4"),
        ("", "video"),
    ],
)
def test_names_are_names_and_nothing_else(given, kept):
    assert declared(metadata(filename=given)).name == kept


async def test_a_wrong_version_or_none_is_told_the_right_one(tus):
    for version in ("0.2.2", "2.0.0", ""):
        answer = await tus.create(10, tus_resumable=version)
        assert error(answer) == (412, "wrong_tus_version")
        assert answer.headers["tus-version"] == "1.0.0"
    location = await tus.begin(clip())
    assert error(await tus.send(location, b"x", tus_resumable="3")) == (412, "wrong_tus_version")


async def test_extensions_that_are_not_spoken_are_refused(tus):
    for header in ({"upload_defer_length": "1"}, {"upload_concat": "partial"}):
        assert error(await tus.create(10, **header)) == (400, "unknown_extension")


async def test_bytes_go_on_only_where_the_last_ones_ended(tus):
    location = await tus.begin(clip())
    await tus.send(location, clip()[:100])
    for offset in (0, 99, 101, 10**12):
        answer = await tus.send(location, b"x", offset)
        assert error(answer) == (409, "wrong_offset")
        assert answer.headers["upload-offset"] == "100"
    for offset in ("-1", "1.5", "x", "", "9" * 40):
        assert error(await tus.send(location, b"x", offset)) == (400, "bad_header")
    assert await tus.offset(location) == 100


async def test_more_than_was_announced_is_refused_announced_or_not(tus):
    video = clip()
    location = await tus.begin(video)
    assert error(await tus.send(location, video + b"x")) == (413, "too_long")
    assert await tus.offset(location) == 0

    async def endless():
        while True:
            yield b"x" * 10_000

    assert error(await tus.send(location, endless())) == (413, "too_long")
    assert await tus.offset(location) <= len(video)


async def test_checksums_that_cannot_be(tus):
    location = await tus.begin(clip())
    for header, code in (
        ("md5 AAAA", "unknown_checksum"),
        ("SHA256 AAAA", "unknown_checksum"),
        ("", "unknown_checksum"),
        ("sha256", "bad_header"),
        ("sha256 AAAA", "bad_header"),
        ("sha256 !!!!", "bad_header"),
        (checksum(b"x", "sha1").replace("sha1", "sha256"), "bad_header"),
    ):
        assert error(await tus.send(location, b"x", upload_checksum=header)) == (400, code)
    assert await tus.offset(location) == 0


async def test_a_body_of_another_type_is_refused(tus):
    location = await tus.begin(clip())
    for kind in ("application/octet-stream", "multipart/form-data; boundary=x", ""):
        assert error(await tus.send(location, b"x", content_type=kind)) == (415, "wrong_content_type")
    assert error(await tus.create(10, content=b"x", content_type="text/plain")) == (415, "wrong_content_type")


async def test_nobody_touches_or_sees_the_upload_of_another(tus, admin, visitor):
    location = await tus.begin(clip())
    other = Tus(admin)
    for answer in (
        await other.send(location, b"x"),
        await other.end(location),
        await admin.get(location),
        await other.browser.post(location, headers={**VERSION, "x-http-method-override": "DELETE"}),
    ):
        assert error(answer) == (404, "not_found")
    assert (await admin.request("HEAD", location, headers=VERSION)).status_code == 404
    nobody = Tus(visitor)
    for answer in (await nobody.send(location, b"x"), await nobody.create(10), await nobody.end(location)):
        assert error(answer) == (401, "unauthenticated")
    assert await tus.offset(location) == 0


async def test_uploads_that_never_were(tus):
    never = "0199f3a0-0000-7000-8000-000000000000"
    for name in ("x", "0", "..%2f..%2fsecret.key", "%00", never, "%C3%A9", "a" * 5000):
        path = f"{UPLOADS}/{name}"
        for answer in (await tus.send(path, b"x"), await tus.browser.get(path), await tus.end(path)):
            assert error(answer) in {(404, "not_found"), (404, "unknown_path")}, name


async def test_another_site_may_not_upload(tus):
    for headers in ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"}):
        assert error(await tus.create(10, **headers)) == (403, "cross_site")


async def test_the_method_may_come_in_a_header(tus):
    video = clip()
    location = await tus.begin(video)

    async def override(method, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**VERSION, "x-http-method-override": method, **named}
        return await tus.browser.post(location, headers=sent, content=video if method == "PATCH" else b"")

    assert (await override("HEAD")).headers["upload-offset"] == "0"
    kind = "application/offset+octet-stream"
    sent = await override("PATCH", upload_offset="0", content_type=kind)
    assert (sent.status_code, sent.headers["upload-offset"]) == (204, str(len(video)))
    assert (await override("DELETE")).status_code == 204
    assert error(await override("DELETE")) == (404, "not_found")
    assert error(await override("GET")) == (400, "bad_header")


async def test_what_has_no_room_on_the_disk_is_refused_before_it_is_sent(tus, app, monkeypatch):
    monkeypatch.setattr(app.state.uploads.staging, "room", lambda: 50_000)
    assert error(await tus.create(60_000)) == (507, "disk_full")
    assert (await tus.create(30_000)).status_code == 201
    assert error(await tus.create(30_000)) == (507, "disk_full")  # the other one was promised its room
    assert (await tus.create(15_000)).status_code == 201


async def test_a_disk_that_gets_full_keeps_what_came(tus, app, monkeypatch):
    video = clip()
    location = await tus.begin(video)
    await tus.send(location, video[:100])

    def full(self, data, place):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Staged, "write", full)
        assert error(await tus.send(location, video[100:], 100)) == (507, "disk_full")
    assert await tus.offset(location) == 100
    assert (await tus.send(location, video[100:], 100)).headers["x-daybook-recording"]


async def test_one_person_cannot_begin_uploads_without_end(tus, admin, monkeypatch):
    monkeypatch.setattr(service, "MOST_OPEN", 3)
    for _ in range(3):
        location = await tus.begin(clip())
    assert error(await tus.create(10)) == (429, "too_many_uploads")
    assert (await Tus(admin).create(10)).status_code == 201
    await tus.end(location)
    assert (await tus.create(10)).status_code == 201


async def test_other_requests_have_small_bodies_still(tus):
    answer = await tus.browser.post("/api/v1/session", content=b"x" * (2**20 + 1))

    assert error(answer) == (413, "body_too_large")
