"""`daybook import`: a folder of videos becomes recordings, even if it is repeated or killed."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from daybook.cli import imports
from support.videos.clips import clip

DAYBOOK = str(Path(sys.executable).with_name("daybook"))


@pytest.fixture
def card(tmp_path):
    """A camera's folder, with other files in it."""
    folder = tmp_path / "card"
    (folder / "DCIM" / "100").mkdir(parents=True)
    (folder / ".Trashes").mkdir()
    (folder / "DCIM" / "100" / "a.mp4").write_bytes(clip(1))
    (folder / "DCIM" / "100" / "早.MOV").write_bytes(clip(2))
    (folder / "b.mp4").write_bytes(clip(1))  # as a.mp4
    (folder / "page.mp4").write_bytes(b"<html>no video</html>" * 50)
    (folder / "empty.avi").write_bytes(b"")
    (folder / "cut.mp4").write_bytes(clip(3)[:300])
    (folder / "notes.txt").write_text("not a video, and does not say so")
    (folder / ".hidden.mp4").write_bytes(clip(4))
    (folder / ".Trashes" / "old.mp4").write_bytes(clip(5))
    os.mkfifo(folder / "pipe.mp4")
    os.utime(folder / "b.mp4", (1_767_225_600,) * 2)
    return folder


async def recordings(database):
    async with database.read() as session:
        query = "SELECT name, sha256 FROM recording_files ORDER BY name"
        return (await session.execute(text(query))).all()


def left(tmp_path):
    return list((tmp_path / "data" / "uploads").glob("*"))


async def test_a_folder_is_taken_in_and_a_second_time_nothing_happens(cli, database, card, tmp_path):
    await cli("user", "add", "ana")
    done = await cli("import", str(card), "--user", "ana", "--json")

    assert done.status == 1  # something was refused
    report = done.json
    assert sorted(Path(one["path"]).name for one in report["taken"]) == ["b.mp4", "早.MOV"]
    assert [Path(one["path"]).name for one in report["known"]] == ["a.mp4"]
    refused = {Path(one["path"]).name: one["code"] for one in report["refused"]}
    assert refused.keys() == {"page.mp4", "empty.avi", "cut.mp4", "pipe.mp4"}
    assert refused["empty.avi"] == "empty_file"
    assert refused["pipe.mp4"] == "not_a_file"
    assert all(one["reason"] for one in report["refused"])
    assert (report["failed"], report["passed_over"]) == ([], 1)
    assert len(await recordings(database)) == 2
    assert left(tmp_path) == []
    assert (card / "b.mp4").read_bytes() == clip(1)

    again = (await cli("import", str(card), "--user", "ana", "--json")).json
    assert again["taken"] == []
    assert len(again["known"]) == 3
    assert len(await recordings(database)) == 2


async def test_people_read_a_line_for_each_file_and_a_summary(cli, card):
    await cli("user", "add", "ana")
    done = await cli("import", str(card), "--user", "ana")
    lines = done.out.splitlines()

    assert done.status == 1
    assert lines[-1] == "2 imported, 1 already imported, 4 refused; 1 other file skipped."
    assert [line for line in lines if line.startswith("taken") and "早.MOV: recording " in line]
    assert [line for line in lines if line.startswith("refused") and "empty.avi: The file is empty." in line]


async def test_for_nobody_nothing_is_reported_of_videos(cli, card):
    for more in ((), ("--json",)):
        done = await cli("import", str(card), "--user", "nobody", *more)
        assert (done.status, done.out, done.err) == (1, "", "daybook: There is no user nobody.\n")


async def test_one_file_whatever_it_is_called(cli, tmp_path):
    await cli("user", "add", "ana")
    (tmp_path / "video").write_bytes(clip(6))
    done = await cli("import", str(tmp_path / "video"), "--user", "ana", "--json")

    assert done.status == 0
    assert len(done.json["taken"]) == 1


async def test_wrong_usage_is_told_in_a_sentence(cli, tmp_path):
    (tmp_path / "video").write_bytes(clip(6))
    for arguments, status, word in (
        (("import", "video"), 2, "--user"),
        (("import", "nowhere", "--user", "ana"), 1, "nowhere"),
        (("import", "video", "--user", "nobody"), 1, "nobody"),
        (("import", "video", "--user", "ana", "--timezone", "Mars"), 1, "--timezone"),
    ):
        done = await cli(*arguments)
        assert done.status == status, arguments
        assert word in done.err


async def test_a_file_that_cannot_be_read_is_refused_and_the_others_are_taken(cli, tmp_path):
    await cli("user", "add", "ana")
    folder = tmp_path / "card"
    folder.mkdir()
    (folder / "a.mp4").symlink_to(tmp_path / "gone.mp4")
    (folder / "b.mp4").write_bytes(clip(6))
    report = (await cli("import", str(folder), "--user", "ana", "--json")).json

    assert [one["code"] for one in report["refused"]] == ["file_unreadable"]
    assert len(report["taken"]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        "import.stage.before:2",
        "import.ingest.before:2",
        "recordings.store.after:2",
        "import.ingest.after:2",
    ],
)
async def test_an_import_that_is_killed_is_finished_by_the_next(cli, database, tmp_path, fault):
    await cli("user", "add", "ana")
    folder = tmp_path / "card"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.mp4").write_bytes(clip(10 + number))
    killed = await cli("import", str(folder), "--user", "ana", DAYBOOK_FAILPOINT=fault)
    assert killed.status == -signal.SIGKILL
    assert 1 <= len(await recordings(database)) <= 2
    report = (await cli("import", str(folder), "--user", "ana", "--json")).json

    assert len(report["taken"]) + len(report["known"]) == 4
    assert [name for name, _ in await recordings(database)] == ["0.mp4", "1.mp4", "2.mp4", "3.mp4"]


async def test_a_folder_that_is_watched_gives_what_comes_once_it_is_whole(
    cli, database, database_url, plain_environment, tmp_path
):
    await cli("user", "add", "ana")
    folder = tmp_path / "card"
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        DAYBOOK, "import", str(folder), "--user", "ana", "--watch", "--json",
        env={**plain_environment, "DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    video = clip(20)
    try:
        with (folder / "new.mp4").open("wb") as file:  # comes slowly
            for place in range(8):
                piece = len(video) // 8 + 1
                file.write(video[place * piece : (place + 1) * piece])
                file.flush()
                await asyncio.sleep(1)
                assert await recordings(database) == []
        deadline = time.monotonic() + 40
        while len(await recordings(database)) < 1 and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        os.utime(folder / "new.mp4")  # looked at again, and known: it was taken in all the same
        await asyncio.sleep(imports.REST + 3 * imports.LOOK)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()

    assert (process.returncode, err) == (0, b"")
    assert [Path(one["path"]).name for one in json.loads(out)["taken"]] == ["new.mp4"]


def test_a_file_that_is_still_written_rests_longer_than_it_is_looked_at():
    assert imports.REST > 2 * imports.LOOK
