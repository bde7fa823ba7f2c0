"""ffmpeg as a child with limits, and what is made with it: pictures, thumbnails, previews."""

import asyncio
import contextlib
import io
import os
import signal
import sys
import time
from pathlib import Path

import av
import pytest

from daybook.lifelog.media.errors import FfmpegFailed, FfmpegStopped
from daybook.lifelog.media.service import (
    frames,
    inspect,
    is_playable,
    make_preview,
    run_ffmpeg,
    started_ffmpeg,
    thumbnail,
    video_input,
)
from support.videos.made import footage, needs_footage

ENDLESS = ("-re", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10", "-f", "null", "-")


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def told_by_kernel(pid):
    return Path(f"/proc/{pid}/limits").read_text(), Path(f"/proc/{pid}/environ").read_bytes()


def is_ffmpeg(pid):
    """Whether the child has become ffmpeg."""
    return "ffmpeg" in str(Path(f"/proc/{pid}/exe").readlink())


async def until(condition, seconds=2.0):
    """How long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def pixels(jpeg):
    """Height, width and colours of a picture, as an array."""
    with av.open(io.BytesIO(jpeg)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


# Running


async def test_a_cancelled_run_ends_ffmpeg_at_once():
    pids = []

    async def run():
        async with started_ffmpeg(ENDLESS, time_limit=60) as process:
            pids.append(process.pid)
            await process.wait()

    task = asyncio.create_task(run())
    await until(lambda: pids and is_ffmpeg(pids[0]))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_gone(pids[0])


async def test_a_reader_that_gives_up_ends_ffmpeg_although_its_pipe_is_full():
    endless = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30", "-f", "rawvideo", "pipe:1")
    pids = []

    async def give_up():
        async with started_ffmpeg(endless, time_limit=60) as process:
            pids.append(process.pid)
            await process.stdout.readexactly(100_000)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await give_up()
    assert is_gone(pids[0])


async def test_a_run_that_takes_too_long_is_ended():
    began = time.monotonic()
    with pytest.raises(FfmpegFailed) as caught:
        await run_ffmpeg(ENDLESS, time_limit=0.5)
    assert caught.value.code == "ffmpeg_too_slow"
    assert time.monotonic() - began < 3


async def test_a_file_that_grows_too_large_ends_the_run(tmp_path):
    target = tmp_path / "large.avi"
    noise = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=10", "-c:v", "rawvideo")
    with pytest.raises(FfmpegFailed):
        await run_ffmpeg([*noise, str(target)], time_limit=30, file_size=100_000)
    assert target.stat().st_size <= 100_000


async def test_what_goes_wrong_is_told_without_our_folders(tmp_path):
    missing = tmp_path / "missing.mp4"
    with pytest.raises(FfmpegFailed, match=r"missing\.mp4") as caught:
        await run_ffmpeg([*video_input(missing), "-f", "null", "-"], time_limit=10)
    assert str(tmp_path) not in caught.value.message


async def test_what_is_not_the_videos_fault_is_told_apart():
    with pytest.raises(FfmpegStopped, match="No space left"):
        await run_ffmpeg([*ENDLESS[:5], "-f", "rawvideo", "-y", "/dev/full"], time_limit=30)
    with pytest.raises(FfmpegStopped, match="SIGKILL"):
        async with started_ffmpeg(ENDLESS, time_limit=30) as process:
            process.kill()
    with pytest.raises(FfmpegFailed, match="Unknown encoder"):
        await run_ffmpeg([*ENDLESS[:5], "-c:v", "none_such", "-f", "null", "-"], time_limit=30)


async def test_progress_is_told_in_seconds_of_output():
    told = []

    async def tell(seconds):
        told.append(seconds)

    await run_ffmpeg(
        ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=30", "-f", "null", "-"],
        time_limit=30,
        on_progress=tell,
    )
    assert told == sorted(told)
    assert told[-1] == pytest.approx(30, abs=0.2)


async def test_a_listener_that_raises_ends_the_run():
    async def fail(_seconds):
        raise ZeroDivisionError

    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        await run_ffmpeg(ENDLESS, time_limit=30, on_progress=fail)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ngood.ts\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile good.ts\n"),
    ],
)
async def test_a_playlist_is_no_input(videos, name, text):
    good = videos.make("good.ts")
    playlist = videos.write(name, text.encode())
    plain = ["-i", str(playlist), "-f", "null", "-"]
    await run_ffmpeg(plain, time_limit=10)  # it is one that ffmpeg would follow
    with pytest.raises(FfmpegFailed):
        await run_ffmpeg([*video_input(playlist), "-f", "null", "-"], time_limit=10)
    await run_ffmpeg([*video_input(good), "-f", "null", "-"], time_limit=10)


async def test_an_address_is_no_input(videos):
    for address in ("http://127.0.0.1:9/a.mp4", "tcp://127.0.0.1:9", "concat:a.mp4|b.mp4", "data:,a"):
        with pytest.raises(FfmpegFailed, match="No such file"):
            await run_ffmpeg([*video_input(videos.folder / address), "-f", "null", "-"], time_limit=10)


async def test_a_child_has_limits_and_no_secrets(monkeypatch):
    monkeypatch.setenv("DAYBOOK_SECRET_KEY", "very secret")
    with contextlib.suppress(FfmpegFailed):
        async with started_ffmpeg(ENDLESS, time_limit=1) as process:
            await until(lambda: is_ffmpeg(process.pid))
            limits, environment = told_by_kernel(process.pid)
            nice = os.getpriority(os.PRIO_PROCESS, process.pid)
            group = os.getpgid(process.pid)
    assert b"very secret" not in environment
    assert str(8 * 2**30) in next(
        line for line in limits.splitlines() if line.startswith("Max address space")
    )
    assert "unlimited" not in next(line for line in limits.splitlines() if line.startswith("Max cpu time"))
    assert nice >= 10
    assert group == process.pid != os.getpgid(0)


async def test_a_child_dies_with_a_killed_parent():
    script = (
        "import asyncio\n"
        "from daybook.lifelog.media.service import started_ffmpeg\n"
        "async def main():\n"
        f"    async with started_ffmpeg({ENDLESS!r}, time_limit=60) as process:\n"
        "        print(process.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    pid = int(await parent.stdout.readline())
    await until(lambda: is_ffmpeg(pid))
    parent.send_signal(signal.SIGKILL)
    await until(lambda: is_gone(pid))
    await parent.wait()


# Pictures


async def test_pictures_are_upright_and_small(videos):
    wide = videos.make("wide.mp4", seconds=1, size="640x360")
    turned = videos.again(wide, "turned.mp4", before=("-display_rotation:v:0", "-90"))
    [picture] = await frames(turned, [0.5], longest=128)
    assert pixels(picture).shape == (128, 72, 3)
    [whole] = await frames(wide, [0.5], longest=4000)
    assert pixels(whole).shape == (360, 640, 3)


async def test_a_video_that_was_held_upside_down_is_put_right(videos):
    plain = videos.make(
        "plain.mp4", "-vf", "drawbox=y=0:h=45:color=red:t=fill,drawbox=y=45:h=45:color=blue:t=fill"
    )
    turned = videos.again(plain, "turned.mp4", before=("-display_rotation:v:0", "180"))
    for path, above in ((plain, "red"), (turned, "blue")):
        top = pixels((await frames(path, [0]))[0])[10, 80]
        assert (top[0] > top[2]) == (above == "red"), path


async def test_there_is_a_picture_for_every_second_asked_for(videos):
    path = videos.make("a.mp4", seconds=2)
    pictures = await frames(path, [0, 0.7, 1.9, 2.0, 3.0, 500])
    assert len(pictures) == 6
    assert all(picture.startswith(b"\xff\xd8") for picture in pictures)


async def test_a_thumbnail_is_not_black(videos):
    lights = "drawbox=color=black:t=fill:enable='lt(t,2.5)'"
    path = videos.make("dark_first.mp4", "-vf", lights, seconds=4)
    assert pixels(await thumbnail(path, 4.0)).mean() > 40
    black = videos.make("black.mp4", "-vf", "drawbox=color=black:t=fill", seconds=1)
    assert pixels(await thumbnail(black, 1.0)).shape == (90, 160, 3)


async def test_what_has_no_picture_gives_none(videos):
    with pytest.raises(FfmpegFailed):
        await thumbnail(videos.write("noise.mp4", bytes(range(256)) * 100), 1.0)


@needs_footage
@pytest.mark.parametrize("start", ["edge_box", "edge_no_duration", "fire2", "vtest", "bikes"])
async def test_real_clips_have_thumbnails(start):
    path = footage(start)
    video = await inspect(path)
    picture = pixels(await thumbnail(path, video.duration))
    longest = min(640, max(video.width, video.height))
    assert abs(max(picture.shape) - longest) <= 2
    if start != "edge_no_duration":  # it is black all through
        assert 32 <= picture.mean() <= 224


# Previews


async def preview_of(path, videos):
    target = videos.folder / "preview.mp4"
    told = []

    async def tell(share):
        told.append(share)

    await make_preview(path, await inspect(path), target, on_progress=tell)
    video = await inspect(target)
    assert is_playable(video)
    content = target.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # players begin before they have it all
    assert all(0 <= share <= 1 for share in told)
    return video


async def test_a_video_that_browsers_do_not_play_gets_a_copy_that_they_do(videos):
    source = videos.make(
        "large.mkv",
        "-c:v",
        "libx265",
        "-x265-params",
        "log-level=none",
        "-c:a",
        "ac3",
        size="1920x1080",
        sound=True,
    )
    video = await preview_of(source, videos)
    assert (video.width, video.height) == (1280, 720)
    assert (video.video_codec, video.pixel_format, video.audio.codec) == ("h264", "yuv420p", "aac")
    assert video.duration == pytest.approx(1, abs=0.1)


async def test_only_the_container_is_changed_where_that_is_enough(videos):
    source = videos.make("a.mov", "-c:a", "aac", size="1920x1080", sound=True)
    video = await preview_of(source, videos)
    assert (video.width, video.height) == (1920, 1080)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"size": "1080x1920", "codec": ("-c:v", "mpeg4")}, (720, 1280)),
        ({"size": "161x91", "codec": ("-c:v", "ffv1", "-pix_fmt", "yuv444p")}, (160, 90)),
        ({"size": "160x90", "codec": ("-vf", "setsar=2", "-c:v", "mpeg4")}, (320, 90)),
        ({"size": "160x90", "codec": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le")}, (160, 90)),
        ({"size": "160x90", "codec": ("-c:v", "msmpeg4", "-g", "5")}, (160, 90)),
    ],
)
async def test_odd_videos_have_previews(videos, options, size):
    video = await preview_of(videos.make("odd.mkv", **options), videos)
    assert (video.width, video.height) == size
    assert video.rotation == 0


async def test_a_turned_video_is_upright_in_its_preview(videos):
    plain = videos.make("plain.mov", codec=("-c:v", "mpeg4"))
    turned = videos.again(plain, "turned.mov", before=("-display_rotation:v:0", "-90"))
    video = await preview_of(turned, videos)
    assert (video.width, video.height, video.rotation) == (90, 160, 0)


async def test_uneven_pictures_keep_their_times(videos):
    uneven = videos.make(
        "uneven.mkv",
        *("-vf", "select='not(mod(n,5))+lt(n,20)'", "-fps_mode", "vfr"),
        *("-c:v", "mpeg4"),
        fps=25,
        seconds=4,
    )
    video = await preview_of(uneven, videos)
    assert video.is_vfr
    assert video.duration == pytest.approx((await inspect(uneven)).duration, abs=0.1)


async def test_high_dynamic_range_is_mapped_down(videos):
    source = videos.make(
        "hdr.mkv",
        *("-c:v", "libx265", "-pix_fmt", "yuv420p10le"),
        *("-x265-params", "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"),
    )
    assert (await inspect(source)).transfer == "smpte2084"
    video = await preview_of(source, videos)
    assert video.transfer is None
    assert video.pixel_format == "yuv420p"


@needs_footage
async def test_the_real_avi_has_a_preview(videos):
    video = await preview_of(footage("vtest"), videos)
    assert video.duration == pytest.approx(79.5, abs=0.2)
    assert (video.width, video.height) == (768, 576)
