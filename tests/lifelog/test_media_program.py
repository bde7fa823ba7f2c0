"""The ffmpeg that is used: the bundled one or the one named, and what an older one cannot do."""

import asyncio
import logging
import shutil
from pathlib import Path

import imageio_ffmpeg
import pytest

from daybook import worker
from daybook.kit.errors import Unavailable
from daybook.lifelog.activity.service import analyse
from daybook.lifelog.media import program
from daybook.lifelog.media.service import frames, inspect, make_preview
from daybook.settings import Settings

BUNDLED = imageio_ffmpeg.get_ffmpeg_exe()
SYSTEM = shutil.which("ffmpeg")
IS_USABLE = SYSTEM is not None and program._is_usable(SYSTEM)


@pytest.fixture
def choose(monkeypatch):
    """`choose(path)` uses the ffmpeg at `path` as if DAYBOOK_FFMPEG named it."""
    cached = (program.ffmpeg, program.can_drop_packets, program.can_map_hdr)

    def use(path):
        for function in cached:
            function.cache_clear()
        monkeypatch.setattr(program, "settings", lambda: Settings(ffmpeg=path))

    yield use
    for function in cached:
        function.cache_clear()


@pytest.fixture
def stub(tmp_path):
    """`stub(text)` writes a shell script that stands for ffmpeg; `$ffmpeg` in it is the real one."""

    def write(text):
        script = tmp_path / "bin" / "ffmpeg"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\nffmpeg={BUNDLED}\n{text}\n")
        script.chmod(0o755)
        return script

    return write


WITHOUT_INPUT_FILTERS = (
    'case "$*" in *"-bsf:v null -f lavfi"*|*-bsf:v*drop=*-i*) exit 1;; esac; exec $ffmpeg "$@"'
)
WITHOUT_ZSCALE = 'case "$*" in *zscale*) exit 1;; esac; exec $ffmpeg "$@"'


def test_the_bundled_program_comes_before_the_systems(choose, stub, monkeypatch):
    system = stub('exec $ffmpeg "$@"')
    monkeypatch.setenv("PATH", str(system.parent), prepend=":")
    assert shutil.which("ffmpeg") == str(system)
    choose(None)
    assert program.ffmpeg() == BUNDLED
    assert program.limitations() == []


def test_another_is_used_if_it_is_named(choose, stub):
    other = stub('exec $ffmpeg "$@"')
    choose(other)
    assert program.ffmpeg() == str(other)


@pytest.mark.parametrize(
    "text",
    [
        "exit 1",
        "exit 0",
        'case "$*" in *libx264*) exit 1;; esac; exec $ffmpeg "$@"',
        'case "$*" in *fps_mode*) exit 1;; esac; exec $ffmpeg "$@"',
    ],
)
def test_one_that_does_not_do_is_refused_by_name(choose, stub, text):
    choose(stub(text))
    with pytest.raises(Unavailable, match="DAYBOOK_FFMPEG") as caught:
        program.ffmpeg()
    assert caught.value.code == "no_ffmpeg"
    assert program.limitations() == [caught.value.message]


def test_one_that_is_missing_is_refused_by_name(choose, tmp_path):
    choose(tmp_path / "nothing")
    with pytest.raises(Unavailable, match="DAYBOOK_FFMPEG"):
        program.ffmpeg()


@pytest.mark.parametrize(
    ("text", "words"),
    [(WITHOUT_INPUT_FILTERS, "decoded whole"), (WITHOUT_ZSCALE, "high dynamic range")],
)
def test_what_it_cannot_do_is_one_sentence(choose, stub, text, words):
    choose(stub(text))
    [sentence] = program.limitations()
    assert words in sentence
    assert "DAYBOOK_FFMPEG" in sentence


async def test_a_worker_logs_what_it_cannot_do_once(choose, stub, caplog, database_url, tmp_path):
    choose(stub(WITHOUT_INPUT_FILTERS))
    stop = asyncio.Event()
    with caplog.at_level(logging.WARNING, "daybook.worker"):
        stop.set()
        await asyncio.wait_for(
            worker.work(Settings(data=tmp_path / "data", database_url=database_url), stop), 60
        )
    assert [line for line in caplog.messages if "cannot leave packets out" in line] == program.limitations()


async def test_without_packets_left_out_a_video_is_decoded_whole(choose, stub, videos):
    video = videos.make("a.mp4", "-g", "5", seconds=20)
    choose(None)
    assert (await analyse(video, duration=20.0, mode="fast")).mode == "fast"
    choose(stub(WITHOUT_INPUT_FILTERS))
    activity = await analyse(video, duration=20.0, mode="fast")
    assert activity.mode == "exact"
    assert activity.segments


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(BUNDLED, id="bundled"),
        pytest.param(
            SYSTEM,
            id="system",
            marks=pytest.mark.skipif(not IS_USABLE, reason="the system has no ffmpeg 5.1 or later"),
        ),
    ],
)
async def test_pictures_previews_and_activity_come_of_either_program(choose, videos, path):
    choose(Path(path))
    video = videos.make("a.mkv", "-g", "5", codec=("-c:v", "mpeg4"), seconds=20, sound=True)
    assert program.ffmpeg() == path
    assert len(await frames(video, [0.5, 19])) == 2
    preview = videos.folder / "preview.mp4"
    await make_preview(video, await inspect(video), preview)
    assert (await inspect(preview)).video_codec == "h264"
    for mode in ("fast", "exact"):
        activity = await analyse(video, duration=20.0, mode=mode)
        assert activity.mode == (mode if program.can_drop_packets() else "exact")
        assert activity.segments
