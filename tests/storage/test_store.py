"""Files by key, in a folder and on S3."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from daybook.kit.errors import Invalid
from daybook.settings import Settings
from daybook.storage.bucket import BucketStore
from daybook.storage.errors import InvalidKey, NoSuchFile, StoreUnavailable
from daybook.storage.service import open_store

KEY = "users/1/recordings/r/f.mp4"


async def test_a_file_comes_back_as_it_was_put(store, tmp_path):
    video = os.urandom(20 * 2**20 + 1)  # several parts of an upload
    (tmp_path / "video").write_bytes(video)

    await store.put_file(KEY, tmp_path / "video")
    await store.put("users/1/recordings/r/f.jpg", b"picture")

    assert await store.get(KEY) == video
    assert await store.size(KEY) == len(video)
    assert [piece async for piece in store.read(KEY, 5, 9)] == [video[5:9]]
    assert b"".join([piece async for piece in store.read(KEY)]) == video
    assert sorted([file.key async for file in store.list("users/1")]) == ["users/1/recordings/r/f.jpg", KEY]
    assert [file async for file in store.list("users/2")] == []
    async with store.as_file(KEY) as path:
        assert path.read_bytes() == video
        assert path.suffix == ".mp4"


async def test_putting_again_replaces_it_and_its_tag(store):
    await store.put(KEY, b"one")
    first = await store.stat(KEY)
    await store.put(KEY, b"another")

    assert await store.get(KEY) == b"another"
    assert (await store.stat(KEY)).etag != first.etag


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(store):
    await store.put(KEY, b"video")
    await store.delete(KEY)
    await store.delete(KEY)

    assert await store.size(KEY) is None
    for reading in (store.get(KEY), store.stat(KEY), anext(store.read(KEY)), store.as_file(KEY).__aenter__()):
        with pytest.raises(NoSuchFile):
            await reading


async def test_an_empty_file_is_a_file(store):
    await store.put(KEY, b"")

    assert await store.size(KEY) == 0
    assert await store.get(KEY) == b""
    assert [piece async for piece in store.read(KEY)] == []


@pytest.mark.parametrize(
    "key",
    [
        "", "/", "/etc/passwd", "../secret.key", "users/../../secret.key", "users/./1", "users//1", "users/1/",
        "users/1/..", ".hidden", "users/.hidden", "users\\1", "users/1\x00.mp4", "users/%2e%2e/x", "users/1#2",
        "users/é", "users/a b", "users/1\n", "u" * 513,
    ],
)  # fmt: skip
async def test_a_key_that_could_lead_elsewhere_is_refused(store, key, tmp_path):
    (tmp_path / "video").write_bytes(b"video")
    for use in (
        store.put(key, b"x"),
        store.put_file(key, tmp_path / "video", may_link=True),
        store.get(key),
        store.stat(key),
        store.delete(key),
        store.link(key),
        store.as_file(key).__aenter__(),
        anext(store.read(key)),
        anext(store.list(key)),
    ):
        with pytest.raises(InvalidKey):
            await use
    assert not (tmp_path / "data" / "secret.key").exists()


async def test_a_copy_on_this_host_is_gone_with_its_block(store, tmp_path):
    await store.put(KEY, b"video")
    with pytest.raises(RuntimeError):
        async with store.as_file(KEY) as path:
            raise RuntimeError
    assert await store.get(KEY) == b"video"
    if "files" not in path.parts:
        assert not path.exists()


async def test_a_copy_for_which_there_is_no_room_is_the_stores_error(bucket, storage_settings):
    store = open_store(storage_settings("s3"))
    await store.put(KEY, bytes(10_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))  # as a disk that is full does
    try:
        with pytest.raises(StoreUnavailable):
            async with store.as_file(KEY):
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_is_on_the_disk_with_every_folder_that_leads_to_it(tmp_path, monkeypatch):
    synced = set()
    fsync = os.fsync

    def noted(descriptor):
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    asyncio.run(open_store(Settings(data=tmp_path)).put(KEY, b"video"))

    path = tmp_path / "files" / KEY
    assert path.parents[4] == tmp_path / "files"
    assert synced == {path, *path.parents[:5]}


async def test_what_killed_processes_left_is_swept_when_it_is_a_day_old(store, tmp_path):
    await store.put(KEY, b"video")
    for folder in ("scratch", "files/users/1/recordings/r"):
        path = tmp_path / "data" / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "old#1").write_bytes(b"x")
        (path / "new#1").write_bytes(b"x")
        os.utime(path / "old#1", (time.time() - 90_000,) * 2)

    await store.sweep()

    place = "scratch" if isinstance(store, BucketStore) else "files/users/1/recordings/r"
    assert not (tmp_path / "data" / place / "old#1").exists()
    assert (tmp_path / "data" / place / "new#1").exists()
    assert await store.get(KEY) == b"video"


async def test_a_presigned_link_of_s3_gives_the_file_and_ranges_of_it(bucket, storage_settings):
    store = open_store(storage_settings("s3"))
    await store.put(KEY, b"0123456789")
    link = await store.link(KEY, expires=timedelta(minutes=5))

    assert bucket.name in link
    async with aiohttp.ClientSession() as http:
        async with http.get(link) as answer:
            assert (await answer.read(), answer.content_type) == (b"0123456789", "video/mp4")
        async with http.get(link, headers={"Range": "bytes=2-4"}) as answer:
            assert (answer.status, await answer.read()) == (206, b"234")
    assert [kept.key for kept in bucket.objects.all()] == [f"house/one/{KEY}"]


async def test_links_of_s3_go_through_daybook_where_the_settings_say_so_or_they_have_a_name(bucket, tmp_path):
    direct = open_store(Settings(data=tmp_path, storage=f"s3://{bucket.name}"))
    through = open_store(Settings(data=tmp_path, storage=f"s3://{bucket.name}", storage_links="own"))

    assert (await direct.link(KEY, download_name="my video.mp4")).startswith("/api/v1/files/")
    assert (await through.link(KEY)).startswith("/api/v1/files/")


@pytest.mark.parametrize(
    "place", ["gs://bucket", "s3://", "http://x/y", "s3://b?x=y", "s3://key:secret@bucket"]
)
def test_a_store_that_cannot_be_used_is_refused_without_what_was_given(place, tmp_path):
    with pytest.raises(Invalid) as refusal:
        open_store(Settings(data=tmp_path, storage=place))
    assert "DAYBOOK_STORAGE" in refusal.value.message
    assert "secret" not in refusal.value.message


def test_a_folder_can_be_anywhere(tmp_path):
    store = open_store(Settings(data=tmp_path / "data", storage=str(tmp_path / "videos")))
    asyncio.run(store.put(KEY, b"video"))

    assert (tmp_path / "videos" / KEY).read_bytes() == b"video"


async def test_a_bucket_that_is_not_there_is_told_and_no_credential_with_it(bucket, tmp_path):
    store = open_store(Settings(data=tmp_path, storage="s3://no-such-bucket-anywhere"))

    with pytest.raises((StoreUnavailable, NoSuchFile)) as problem:
        await store.put(KEY, b"video")
    assert "testing" not in problem.value.message


async def test_a_linked_file_survives_the_removal_of_its_first_name_and_is_not_copied(tmp_path):
    store = open_store(Settings(data=tmp_path / "data"))
    staged = tmp_path / "staged"
    staged.write_bytes(b"video")
    await store.put_file(KEY, staged, may_link=True)
    await store.put_file(KEY, staged, may_link=True)  # again, as after a kill
    async with store.as_file(KEY) as path:
        assert path.samefile(staged)
        assert [kept.name for kept in path.parent.iterdir()] == ["f.mp4"]
        staged.unlink()
        assert path.read_bytes() == b"video"


async def test_a_file_that_is_not_linked_has_nothing_to_do_with_its_source(tmp_path):
    store = open_store(Settings(data=tmp_path / "data"))
    own = tmp_path / "own.mp4"
    own.write_bytes(b"video")
    await store.put_file(KEY, own)
    own.write_bytes(b"other")

    assert await store.get(KEY) == b"video"


PROGRAM = """
import asyncio, sys
from pathlib import Path
from daybook.settings import Settings
from daybook.storage.service import open_store

async def main(data):
    store = open_store(Settings(data=data))
    await store.put("users/1/a.mp4", b"video")
    await store.put_file("users/1/b.mp4", data / "files" / "users" / "1" / "a.mp4")

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_process_that_used_the_store_ends_as_it_should(tmp_path):
    """Coroutines of obstore abort about one process in ten at exit; a few runs prove little but cost little."""
    for number in range(8):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / str(number))], capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert Path(tmp_path / str(number) / "files/users/1/b.mp4").read_bytes() == b"video"
