"""Where something changes in a video, when every picture is looked at."""

import asyncio
import os
from pathlib import Path

import pytest

from daybook.lifelog.activity.errors import Undecodable
from daybook.lifelog.activity.service import analyse
from support.videos.fixed_camera import boundaries, cuts, shots, tiles, yard
from support.videos.made import run_program

PICTURE = 1 / 20 + 1e-3


async def test_cuts_are_where_they_are_and_say_so(tmp_path):
    video = shots(tmp_path / "shots.mp4", 4.35, 3.15, 5.5, 4.0)
    activity = await analyse(video, duration=17.0, mode="exact")
    assert activity.mode == "exact"
    assert tiles(activity)
    assert boundaries(activity) == pytest.approx([4.35, 7.5, 13.0], abs=PICTURE)
    assert [segment.cut for segment in activity.segments] == [False, True, True, True]


async def test_a_fixed_camera_has_stretches_in_which_something_moves(tmp_path):
    video = yard(tmp_path / "yard.mp4", 40, (10, 19), (27, 34))
    activity = await analyse(video, duration=40.0)
    assert tiles(activity)
    assert boundaries(activity) == pytest.approx([10, 19, 27, 34], abs=0.6)
    assert cuts(activity) == []
    quiet, busy, pause, again, end = activity.segments
    assert max(quiet.motion, pause.motion, end.motion) < 0.01
    assert min(busy.motion, again.motion) > 0.02
    assert all(segment.sound is None for segment in activity.segments)
    assert quiet.brightness == pytest.approx(0.5, abs=0.05)


async def test_a_quiet_night_is_one_stretch(tmp_path):
    video = yard(tmp_path / "night.mp4", 60)
    activity = await analyse(video, duration=60.0, mode="exact")
    assert len(activity.segments) == 1
    assert activity.segments[0].motion < 0.001


async def test_sound_that_stops_is_a_change(tmp_path):
    tone = "sine=frequency=440,volume='if(lt(t,12),1,0)':eval=frame"
    activity = await analyse(yard(tmp_path / "tone.mp4", 25, sound=tone), duration=25.0)
    assert boundaries(activity) == pytest.approx([12], abs=0.6)
    loud, silent = activity.segments
    assert -25 < loud.sound < -10
    assert silent.sound < -45  # but for the first moment of it


async def test_a_flash_is_no_cut(tmp_path):
    flash = "color=c=0xffffff:s=320x180:r=20"
    run_program(
        "-f", "lavfi", "-t", "10", "-i", "testsrc=s=320x180:r=20", "-f", "lavfi", "-t", "10", "-i", flash,
        "-filter_complex", "[0][1]overlay=enable='between(t,5.2,5.26)'", "-pix_fmt", "yuv420p",
        str(tmp_path / "flash.mp4"),
    )  # fmt: skip
    activity = await analyse(tmp_path / "flash.mp4", duration=10.0, mode="exact")
    assert cuts(activity) == []


async def test_shots_that_are_too_short_become_part_of_their_neighbours(tmp_path):
    video = shots(tmp_path / "quick.mp4", 6, *[0.5] * 6, 6)
    activity = await analyse(video, duration=15.0, mode="exact")
    assert tiles(activity)
    assert all(segment.end - segment.start >= 1.99 for segment in activity.segments)
    assert 6.0 in [pytest.approx(start, abs=PICTURE) for start in cuts(activity)]


async def test_sound_that_goes_on_after_the_pictures_belongs_to_the_last_stretch(tmp_path):
    video = yard(tmp_path / "long.mkv", 6, sound="sine=frequency=440:duration=11")
    run_program(
        "-i", str(video), "-f", "lavfi", "-i", "sine=frequency=440:duration=11", "-map", "0:v", "-map", "1:a",
        "-c:v", "copy", str(tmp_path / "longer.mkv"),
    )  # fmt: skip
    activity = await analyse(tmp_path / "longer.mkv", duration=11.0)
    assert tiles(activity)
    assert activity.duration == 11.0
    unknown = await analyse(tmp_path / "longer.mkv", duration=None)
    assert unknown.duration == pytest.approx(11.0, abs=0.6)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("still.mp4", ("-frames:v", "1")),
        ("tiny.mp4", ("-s", "16x16")),
        ("upright.mp4", ("-s", "90x320")),
        ("slow.avi", ("-r", "2", "-c:v", "mpeg4", "-pix_fmt", "yuv420p")),
        ("deep.mkv", ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none")),
        ("motion.avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj422p")),
        ("old.mpg", ("-r", "25", "-c:v", "mpeg2video")),
        ("uneven.mkv", ("-vf", "select='not(mod(n,3))+lt(mod(n,20),6)'", "-fps_mode", "vfr")),
    ],
)
async def test_all_kinds_of_pictures_are_measured(videos, name, options):
    video = videos.make(name, *options, seconds=5, fps=20)
    for mode in ("exact", "fast"):
        activity = await analyse(video, duration=5.0, mode=mode)
        assert tiles(activity)
        assert 0.2 < activity.segments[0].brightness < 0.8


async def test_sound_that_cannot_be_decoded_is_none(videos, tmp_path):
    whole = videos.make("whole.mov", seconds=4, sound=True).read_bytes()
    (tmp_path / "strange.mov").write_bytes(whole.replace(b"mp4a", b"zzzz").replace(b"esds", b"free"))
    activity = await analyse(tmp_path / "strange.mov", duration=4.0)
    assert [segment.sound for segment in activity.segments] == [None]


async def test_a_file_without_a_picture_is_refused_with_words(videos):
    noise = videos.write("noise.mp4", os.urandom(10_000))
    with pytest.raises(Undecodable, match="cannot be decoded"):
        await analyse(noise, duration=5.0)
    whole = videos.make("pictures.mp4", seconds=2).read_bytes()
    begin = whole.index(b"mdat") + 4
    emptied = videos.write("emptied.mp4", whole[:begin] + bytes(len(whole) - begin))
    with pytest.raises(Undecodable):
        await analyse(emptied, duration=2.0)


async def test_progress_goes_from_little_to_nearly_all(tmp_path):
    video = yard(tmp_path / "yard.mp4", 60, (10, 19))
    shares: list[float] = []

    async def on_progress(share: float) -> None:
        shares.append(share)

    await analyse(video, duration=60.0, on_progress=on_progress)
    assert shares
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize("mode", ["exact", "fast"])
async def test_cancelling_ends_ffmpeg(videos, mode):
    video = videos.make("long.mp4", seconds=120, size="640x360", fps=30)
    task = asyncio.create_task(analyse(video, duration=120.0, mode=mode))
    while not _children_at(video):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)
    assert _children_at(video) == []


def _children_at(video: Path) -> list[str]:
    """Programs that have the video's name in their command line."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(video) in command:
            found.append(command)
    return found
