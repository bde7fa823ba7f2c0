"""Uploads over real connections: senders that break off, that come twice, and a server that is killed."""

import asyncio
import os
import socket
from contextlib import asynccontextmanager

import aiohttp
import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text

from daybook.lifelog.uploads import receiving, service
from daybook.lifelog.uploads.receiving import BATCH
from support.application.serving import listening
from support.gateway.wire import wire
from support.lifelog.tus import Tus, checksum
from support.processes import command
from support.videos.clips import clip, long_clip

BIG = 5 * BATCH + 12_345


@pytest_asyncio.fixture
async def server(app):
    """The address at which `app` is served."""
    async with listening(app) as url:
        yield url


@pytest_asyncio.fixture
async def sender(server, first_run):
    async with sender_at(server, first_run) as tus:
        yield tus


@asynccontextmanager
async def sender_at(url, person):
    """Somebody who is signed in at `url`."""
    async with httpx2.AsyncClient(base_url=url, timeout=30) as browser:
        answer = await browser.post(
            "/api/v1/session", json={"account": person.account, "password": person.password}
        )
        assert answer.status_code == 200
        yield Tus(browser)


def head(tus, location, length, offset=0, **more):
    """The head of a PATCH as bytes."""
    lines = {
        "host": "daybook",
        "cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in tus.browser.cookies.jar),
        "tus-resumable": "1.0.0",
        "upload-offset": str(offset),
        "content-type": "application/offset+octet-stream",
        "content-length": str(length),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"PATCH {location} HTTP/1.1\r\n{text}\r\n".encode()


async def offset_reaches(tus, location, least):
    """The offset, once it is `least` or more."""
    for _ in range(500):
        if (offset := await tus.offset(location)) >= least:
            return offset
        await asyncio.sleep(0.02)
    raise AssertionError(f"{offset} of {least} bytes after 10 s")


async def test_a_sender_that_breaks_off_goes_on_where_it_was(server, sender, database, tmp_path):
    video = long_clip(BIG)
    location = await sender.begin(video)
    sent = 3 * BATCH
    async with wire(server) as connection:
        await connection.send(head(sender, location, BIG))
        await connection.send(video[:sent])
        await offset_reaches(sender, location, BATCH)
    await asyncio.sleep(0.3)
    offset = await offset_reaches(sender, location, sent - 2**18)
    assert offset <= sent
    answer = await sender.send(location, video[offset:], offset)

    assert answer.headers["x-daybook-recording"]
    [stored] = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert stored.read_bytes() == video


async def test_a_piece_that_broke_off_before_its_checksum_was_whole_does_not_count(server, sender):
    video = long_clip(BIG)
    location = await sender.begin(video)
    await sender.send(location, video[:1000])
    async with wire(server) as connection:
        told = checksum(video[1000:])
        await connection.send(head(sender, location, BIG - 1000, 1000, upload_checksum=told))
        await connection.send(video[1000 : 1000 + 3 * BATCH])
        await asyncio.sleep(0.3)
        assert await sender.offset(location) == 1000  # nothing of it counts yet
    await asyncio.sleep(0.3)
    assert await sender.offset(location) == 1000
    answer = await sender.send(location, video[1000:], 1000, upload_checksum=told)

    assert answer.headers["x-daybook-recording"]


async def test_of_two_that_send_at_once_one_wins_and_the_other_is_told(server, sender, database, tmp_path):
    video = long_clip(BIG)
    location = await sender.begin(video)
    answers = await asyncio.gather(*(sender.send(location, video) for _ in range(4)))
    statuses = sorted(answer.status_code for answer in answers)

    assert statuses[0] == 204
    assert set(statuses[1:]) <= {409, 423}
    async with database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM recordings"))).scalar_one() == 1
    [stored] = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert stored.read_bytes() == video


async def test_a_sender_that_sends_is_not_put_out_by_another(server, sender, monkeypatch):
    monkeypatch.setattr(service, "_STALE", 30.0)
    video = long_clip(BIG)
    location = await sender.begin(video)
    async with wire(server) as connection:
        await connection.send(head(sender, location, BIG))
        await connection.send(video[:BATCH])
        await offset_reaches(sender, location, BATCH)
        second = await sender.send(location, video[BATCH:], BATCH)
        assert (second.status_code, second.json()["error"]["code"]) == (423, "upload_busy")
        await connection.send(video[BATCH:])
        answer = await connection.answer(to_head=True)

    assert answer.status == 204
    assert answer.headers["upload-offset"] == str(BIG)


async def test_a_sender_whose_connection_died_without_a_word_takes_over_from_it(server, sender, monkeypatch):
    monkeypatch.setattr(service, "_STALE", 0.3)
    video = long_clip(BIG)
    location = await sender.begin(video)
    async with wire(server) as connection:  # stays open, and silent
        await connection.send(head(sender, location, BIG))
        await connection.send(video[:BATCH])
        await offset_reaches(sender, location, BATCH)
        await asyncio.sleep(0.4)
        offset = await sender.offset(location)
        answer = await sender.send(location, video[offset:], offset)
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(BIG))
        assert (await connection.answer()).status == 408


async def test_ending_an_upload_ends_the_request_that_sends_to_it(server, sender, tmp_path):
    video = long_clip(BIG)
    location = await sender.begin(video)
    async with wire(server) as connection:
        await connection.send(head(sender, location, BIG))
        await connection.send(video[:BATCH])
        await offset_reaches(sender, location, BATCH)
        assert (await sender.end(location)).status_code == 204
    assert list((tmp_path / "uploads").glob("*")) == []


async def test_silence_ends_a_request_and_what_came_is_kept(server, sender, monkeypatch):
    monkeypatch.setattr(receiving, "SILENCE", 0.3)
    video = long_clip(BIG)
    location = await sender.begin(video)
    async with wire(server) as connection:
        await connection.send(head(sender, location, BIG))
        await connection.send(video[:1234])
        answer = await connection.answer()
    assert answer.status == 408
    assert await sender.offset(location) == 1234


async def test_a_refusal_comes_before_the_body_for_whoever_waits_for_it(server, sender):
    video = long_clip(BIG)
    location = await sender.begin(video)
    async with wire(server) as connection:
        await connection.send(head(sender, location, BIG, 77, expect="100-continue"))
        assert (await connection.answer()).status == 409
    async with wire(server) as connection:
        await connection.send(head(sender, location, len(video), expect="100-continue"))
        assert (await connection.answer()).status == 100
        await connection.send(video)
        assert (await connection.answer(to_head=True)).status == 204


async def test_many_small_chunks_are_one_video(server, sender):
    video = clip()
    location = await sender.begin(video)
    jar = {cookie.name: cookie.value for cookie in sender.browser.cookies.jar}

    async def small():
        for place in range(0, len(video), 7):
            yield video[place : place + 7]

    headers = {
        "tus-resumable": "1.0.0",
        "upload-offset": "0",
        "content-type": "application/offset+octet-stream",
    }
    async with (
        aiohttp.ClientSession(cookies=jar, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http,
        http.patch(server + location, data=small(), headers=headers) as answer,
    ):
        assert answer.status == 204


# A server that is killed


@asynccontextmanager
async def serve(forks, database_url, data, fault=""):
    """`daybook serve` in a process of its own, which may be killed at `fault`; its address and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "DATABASE"))
    }
    environment = {
        **clean,
        "DATABASE_URL": database_url,
        "DAYBOOK_DATA": str(data),
        "DAYBOOK_PORT": str(port),
    }
    folder = data.parent / f"serve {port}"
    command.write(folder, ("serve",), environment, data.parent)
    process = await forks.start("command", str(folder), fault=fault)
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx2.AsyncClient() as http, asyncio.timeout(60):
            while True:
                try:
                    await http.get(f"{url}/health")
                    break
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
        yield url, process
    finally:
        await forks.kill(process)


@pytest.mark.parametrize(
    ("fault", "kept"),
    [
        ("upload.write.after:3", 3 * BATCH),
        ("upload.ingest.after", BIG),
        ("upload.finished", BIG),
    ],
)
async def test_a_server_that_is_killed_goes_on_at_the_right_byte(
    database_url, database, first_run, forks, tmp_path, fault, kept
):
    video = long_clip(BIG)
    data = tmp_path / "data"
    async with serve(forks, database_url, data, fault) as (url, process), sender_at(url, first_run) as tus:
        location = await tus.begin(video)
        with pytest.raises(httpx2.TransportError):
            await tus.send(location, video)
        assert await forks.ended(process) == -9

    async with serve(forks, database_url, data) as (url, _), sender_at(url, first_run) as tus:
        offset = await tus.offset(location)
        assert kept <= offset <= min(kept + 3 * 2**18, BIG)  # a batch ends with the piece that fills it
        answer = await tus.send(location, video[offset:], offset)
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(BIG))
        async with database.read() as session:
            ids = (await session.execute(text("SELECT id FROM recordings"))).scalars().all()
        assert [str(id_) for id_ in ids] == [answer.headers["x-daybook-recording"]]
    kept_files = [path for path in (data / "files").rglob("*") if path.is_file()]
    assert [path.read_bytes() == video for path in kept_files] == [True]


async def test_what_had_no_checksum_yet_does_not_count_after_a_kill(database_url, first_run, forks, tmp_path):
    video = long_clip(BIG)
    data = tmp_path / "data"
    async with (
        serve(forks, database_url, data, "upload.write.after:4") as (url, process),
        sender_at(url, first_run) as tus,
    ):
        location = await tus.begin(video)
        await tus.send(location, video[:1000])
        with pytest.raises(httpx2.TransportError):
            await tus.send(location, video[1000:], 1000, upload_checksum=checksum(video[1000:]))
        assert await forks.ended(process) == -9
    assert [path for path in (data / "uploads").glob("*.part") if path.stat().st_size > BATCH]

    async with serve(forks, database_url, data) as (url, _), sender_at(url, first_run) as tus:
        assert await tus.offset(location) == 1000
        answer = await tus.send(location, video[1000:], 1000)
        assert answer.headers["x-daybook-recording"]
