"""A video is uploaded over tus, in pieces, and becomes a recording; what is no video is refused and leaves nothing."""

import base64
import hashlib
import os
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from sqlalchemy import text

from daybook.kit.clock import now
from daybook.lifelog.uploads.sweeping import sweep
from support.lifelog.tus import UPLOADS, VERSION, Tus, checksum, metadata, sha256_hex
from support.videos.clips import clip


@pytest.fixture
def tus(ana):
    return Tus(ana)


@pytest.fixture
def staged(tmp_path):
    """What is left in the staging folder."""
    return lambda: sorted(path.name for path in (tmp_path / "uploads").glob("*"))


@pytest.fixture
def stored(tmp_path):
    """Names of the files in the store, whose bytes are `data`."""

    def holding(data):
        return [
            path.name
            for path in (tmp_path / "files").rglob("*")
            if path.is_file() and path.read_bytes() == data
        ]

    return holding


async def count(database, table):
    async with database.read() as session:
        return (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


async def test_what_is_spoken_is_told(visitor):
    answer = await visitor.request("OPTIONS", UPLOADS)

    assert answer.status_code == 204
    assert answer.headers["tus-resumable"] == answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,creation-with-upload,checksum,expiration,termination"
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"
    assert answer.headers["tus-max-size"] == str(64 * 2**30)


async def test_a_video_that_came_in_pieces_is_a_recording_and_stored_as_it_was(tus, database, stored, staged):
    video = clip()
    location = await tus.begin(video, filename="GX010001.MP4", sha256=sha256_hex(video))
    assert await tus.offset(location) == 0
    first = await tus.send(location, video[:1000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert await tus.offset(location) == 1000
    last = await tus.send(location, video[1000:], 1000)

    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(video)))
    assert len(stored(video)) == 1
    assert staged() == []
    async with database.read() as session:
        [row] = (await session.execute(text("SELECT id, name, size_bytes FROM recordings"))).all()
    assert (str(row.id), row.name, row.size_bytes) == (
        last.headers["x-daybook-recording"],
        "GX010001.MP4",
        len(video),
    )
    view = (await tus.browser.get(location)).json()
    assert view["recording_id"] == str(row.id)
    assert (view["offset"], view["length"], view["error"]) == (len(video), len(video), None)
    assert await tus.offset(location) == len(video)


async def test_what_was_told_at_the_creation_is_told_again(tus):
    told = metadata(filename="臺北.mp4", filetype="video/mp4") + ",is_confidential"
    location = (await tus.create(100, told)).headers["location"]
    answer = await tus.browser.request("HEAD", location, headers=VERSION)

    assert answer.headers["upload-metadata"] == told
    assert answer.headers["upload-length"] == "100"
    assert answer.headers["cache-control"] == "no-store"


async def test_the_first_bytes_may_come_with_the_creation(tus, stored):
    video = clip()
    part = await tus.create(len(video), metadata(filename="a.mp4"), video[:500])
    assert (part.status_code, part.headers["upload-offset"]) == (201, "500")
    whole = await tus.create(len(video), metadata(filename="a.mp4"), video, upload_checksum=checksum(video))

    assert whole.status_code == 201
    assert whole.headers["upload-offset"] == str(len(video))
    assert whole.headers["x-daybook-recording"]
    assert len(stored(video)) == 1


@pytest.mark.parametrize("encode", [bytes.hex, lambda digest: base64.b64encode(digest).decode()])
async def test_a_video_that_is_there_is_known_before_it_is_sent(tus, database, encode):
    video = clip()
    first = await tus.upload(video)
    digest = encode(hashlib.sha256(video).digest())
    answer = await tus.create(len(video), metadata(filename="again.mp4", sha256=digest))

    assert answer.status_code == 201
    assert answer.headers["upload-offset"] == str(len(video))
    assert answer.headers["x-daybook-recording"] == first.headers["x-daybook-recording"]
    # A sender that did not look learns it from the next request.
    location = answer.headers["location"]
    assert (await tus.send(location, video)).status_code == 409
    assert await tus.offset(location) == len(video)
    assert await count(database, "recordings") == 1


async def test_the_same_video_of_another_person_is_theirs_to_send(tus, admin, database):
    video = clip()
    await tus.upload(video)
    answer = await Tus(admin).create(len(video), metadata(filename="a.mp4", sha256=sha256_hex(video)))

    assert answer.headers["upload-offset"] == "0"
    assert "x-daybook-recording" not in answer.headers


async def test_a_video_that_was_sent_twice_without_being_announced_is_one_recording(tus, database, stored):
    video = clip()
    first, second = await tus.upload(video), await tus.upload(video)

    assert first.headers["x-daybook-recording"] == second.headers["x-daybook-recording"]
    assert await count(database, "recordings") == 1
    assert len(stored(video)) == 1


async def test_what_is_no_video_is_refused_with_a_reason_that_is_remembered_and_leaves_nothing(
    tus, database, staged, tmp_path
):
    page = b"<html>this is no video</html>" * 100
    location = await tus.begin(page, filename="video.mp4")
    refused = await tus.send(location, page)

    assert refused.status_code == 422
    error = refused.json()["error"]
    assert error["code"]
    assert error["message"]
    view = (await tus.browser.get(location)).json()
    assert (view["error_code"], view["error"]) == (error["code"], error["message"])
    assert view["recording_id"] is None
    assert (await tus.send(location, b"", len(page))).json()["error"] == error
    assert (await tus.browser.request("HEAD", location, headers=VERSION)).status_code == 422
    assert staged() == []
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    assert await count(database, "recordings") == 0
    assert await count(database, "inference_jobs") == 0


async def test_a_video_that_is_not_the_announced_one_is_refused(tus, database, staged):
    video = clip()
    location = await tus.begin(video, sha256=sha256_hex(b"another"))
    refused = await tus.send(location, video)

    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "sha256_mismatch")
    assert staged() == []
    assert await count(database, "recordings") == 0


async def test_what_the_disk_gave_back_otherwise_is_not_taken_in(tus, database, staged, tmp_path):
    video = clip()
    location = await tus.begin(video)
    await tus.send(location, video[:-1])
    [part] = (tmp_path / "uploads").glob("*.part")
    with part.open("r+b") as file:  # a bit tips over
        file.seek(100)
        file.write(bytes([video[100] ^ 1]))
    refused = await tus.send(location, video[-1:], len(video) - 1)

    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "write_fault")
    assert staged() == []
    assert await count(database, "recordings") == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_piece_with_its_checksum_counts_and_one_without_it_does_not(tus, algorithm):
    video = clip()
    location = await tus.begin(video)
    good = await tus.send(location, video[:700], upload_checksum=checksum(video[:700], algorithm))
    assert (good.status_code, await tus.offset(location)) == (204, 700)
    bad = await tus.send(location, video[700:900], 700, upload_checksum=checksum(b"else", algorithm))
    assert (bad.status_code, bad.json()["error"]["code"]) == (460, "checksum_mismatch")
    assert await tus.offset(location) == 700
    last = await tus.send(location, video[700:], 700, upload_checksum=checksum(video[700:], algorithm))

    assert last.status_code == 204
    assert last.headers["x-daybook-recording"]


async def test_an_upload_that_was_ended_is_gone(tus, database, staged):
    video = clip()
    location = await tus.begin(video)
    await tus.send(location, video[:100])
    assert (await tus.end(location)).status_code == 204

    assert staged() == []
    assert (await tus.browser.request("HEAD", location, headers=VERSION)).status_code == 404
    assert (await tus.send(location, video)).status_code == 404
    assert (await tus.end(location)).status_code == 404


async def test_ending_the_upload_of_a_recording_keeps_the_recording(tus, database, stored):
    video = clip()
    location = await tus.begin(video)
    await tus.send(location, video)
    assert (await tus.end(location)).status_code == 204

    assert await count(database, "recordings") == 1
    assert len(stored(video)) == 1


async def test_uploads_live_as_long_as_they_say_and_each_piece_prolongs_it(tus, app, database, staged):
    video = clip()
    location = await tus.begin(video)
    async with database.write() as session:
        await session.execute(text("UPDATE uploads SET expires_at = expires_at - interval '2 days'"))
    answer = await tus.send(location, video[:100])
    expires = parsedate_to_datetime(answer.headers["upload-expires"])
    assert abs(expires - now() - timedelta(days=3)) < timedelta(minutes=1)
    await sweep(app.state.uploads)
    assert await tus.offset(location) == 100

    async with database.write() as session:
        await session.execute(text("UPDATE uploads SET expires_at = now()"))
    gone = await tus.send(location, video[100:], 100)
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "upload_expired")
    await sweep(app.state.uploads)
    assert (await tus.send(location, video[100:], 100)).status_code == 404
    await _age(app)
    await sweep(app.state.uploads)
    assert staged() == []


async def test_a_file_that_waits_for_being_taken_in_is_taken_in_by_the_worker(
    tus, app, database, monkeypatch
):
    """As when the server died after the last byte, or the store was away."""
    from daybook.kit.errors import Unavailable
    from daybook.lifelog.recordings import service as recordings

    video = clip()
    ingest = recordings.ingest

    async def away(*arguments):
        raise Unavailable("The file store is away.")

    monkeypatch.setattr(recordings, "ingest", away)
    location = await tus.begin(video)
    assert (await tus.send(location, video)).status_code == 503
    assert await tus.offset(location) == len(video)
    await sweep(app.state.uploads)
    assert await count(database, "recordings") == 0
    monkeypatch.setattr(recordings, "ingest", ingest)
    await sweep(app.state.uploads)

    view = (await tus.browser.get(location)).json()
    assert view["recording_id"]
    assert await count(database, "recordings") == 1


async def test_a_sender_may_ask_again_for_a_file_that_waits(tus, database, app):
    video = clip()
    location = await tus.begin(video)
    (app.state.uploads.staging.folder).mkdir(exist_ok=True)
    app.state.uploads.staging.path(location.rpartition("/")[2]).write_bytes(video)
    answer = await tus.send(location, b"", len(video))

    assert answer.status_code == 204
    assert answer.headers["x-daybook-recording"]


async def test_the_sweeper_leaves_what_is_under_way_and_removes_what_belongs_to_nothing(tus, app, staged):
    location = await tus.begin(clip())
    await tus.send(location, clip()[:100])
    folder = app.state.uploads.staging.folder
    (folder / "import-left.part").write_bytes(b"x")
    (folder / "0199f3a0-0000-7000-8000-000000000000.part").write_bytes(b"x")
    await sweep(app.state.uploads)
    assert len(staged()) == 3
    await _age(app)
    with app.state.uploads.staging.hold("import-left"):
        await sweep(app.state.uploads)
        assert len(staged()) == 2
    await sweep(app.state.uploads)

    assert staged() == [f"{location.rpartition('/')[2]}.part"]
    assert await tus.offset(location) == 100


async def test_ones_uploads_are_listed_with_what_became_of_them(tus, admin):
    video = clip()
    await tus.begin(video, filename="first.mp4")
    await tus.upload(video, filename="second.mp4")
    await tus.upload(b"no video", filename="third.mp4")
    page = (await tus.browser.get(UPLOADS)).json()

    assert page["total"] == 3
    assert [
        (row["name"], row["offset"], bool(row["recording_id"]), bool(row["error"])) for row in page["list"]
    ] == [
        ("third.mp4", 8, False, True),
        ("second.mp4", len(video), True, False),
        ("first.mp4", 0, False, False),
    ]
    assert (await admin.get(UPLOADS)).json()["total"] == 0


async def test_what_the_sender_knows_of_the_time_reaches_the_recording(tus, database):
    video = clip()
    modified = "1767225600000"  # 2026-01-01T00:00:00Z
    answer = await tus.upload(video, filename="video.mp4", lastModified=modified, timezone="Asia/Taipei")
    async with database.read() as session:
        found = await session.execute(text("SELECT start_time, time_source FROM recordings"))
        start, source = found.one()

    assert answer.status_code == 204
    assert source == "file_time"
    assert abs(start.timestamp() - 1767225600) < 5


async def _age(app):
    for path in app.state.uploads.staging.folder.glob("*"):
        os.utime(path, (time.time() - 7200,) * 2)


async def test_a_file_that_nobody_can_take_in_stops_neither_the_others_nor_the_worker(
    tus, app, database, monkeypatch
):
    from daybook.lifelog.recordings import service as recordings

    videos = [clip(), clip() + b"\0"]
    staging, ingest = app.state.uploads.staging, recordings.ingest
    staging.folder.mkdir(exist_ok=True)
    for video in videos:
        location = await tus.begin(video)
        staging.path(location.rpartition("/")[2]).write_bytes(video)

    async def unforeseen(services, user_id, path, *rest):
        if path.read_bytes() == videos[0]:
            raise ZeroDivisionError
        return await ingest(services, user_id, path, *rest)

    monkeypatch.setattr(recordings, "ingest", unforeseen)
    await sweep(app.state.uploads)

    assert await count(database, "recordings") == 1


async def test_a_note_of_doubt_that_was_torn_lets_the_file_be_sent_anew(tus, app):
    video = clip()
    location = await tus.begin(video)
    await tus.send(location, video[:100])
    app.state.uploads.staging.path(location.rpartition("/")[2]).with_suffix(".checked").write_bytes(b"")

    assert await tus.offset(location) == 0
    await sweep(app.state.uploads)
    assert (await tus.send(location, video)).headers["x-daybook-recording"]
