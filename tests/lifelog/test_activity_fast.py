"""Looking only where something changes finds what looking at everything finds."""

import pytest

from daybook.lifelog.activity.overview import overview_of
from daybook.lifelog.activity.service import analyse
from daybook.lifelog.activity.windows import Budget, groups_of
from daybook.lifelog.media.service import can_drop_packets
from support.videos.fixed_camera import boundaries, cuts, shots, tiles, yard
from support.videos.made import H264, run_program

pytestmark = pytest.mark.skipif(
    not can_drop_packets(), reason="the fast way needs ffmpeg 7, and DAYBOOK_FFMPEG is older"
)

LENGTHS = (12.3, 10.4, 17.1, 13.9, 11.2, 20.6, 10.5)
CUTS = [12.3, 22.7, 39.8, 53.7, 64.9, 85.5]


@pytest.mark.parametrize(("seconds", "longer"), [(2, 1.0), (5, 2.0)])
async def test_it_finds_the_cuts_between_key_pictures(tmp_path, seconds, longer):
    lengths = [length * longer for length in LENGTHS]
    video = shots(tmp_path / "shots.mp4", *lengths, keys=("-g", str(seconds * 20), "-sc_threshold", "0"))
    activity = await analyse(video, duration=sum(lengths), mode="fast")
    assert activity.mode == "fast"
    assert tiles(activity)
    assert cuts(activity) == pytest.approx([cut * longer for cut in CUTS], abs=0.2)
    exact = await analyse(video, duration=sum(lengths), mode="exact")
    assert boundaries(activity) == pytest.approx(boundaries(exact), abs=0.2)


async def test_it_finds_the_cuts_at_which_the_encoder_put_key_pictures(tmp_path):
    at_cuts = ",".join(str(cut) for cut in CUTS)
    keys = ("-g", "100", "-sc_threshold", "0", "-force_key_frames", at_cuts)
    activity = await analyse(shots(tmp_path / "shots.mp4", *LENGTHS, keys=keys), duration=96.0, mode="fast")
    assert activity.mode == "fast"
    assert cuts(activity) == pytest.approx(CUTS, abs=0.2)


@pytest.mark.parametrize("every", [2.0, 5.0])
async def test_it_finds_when_somebody_comes_and_goes(tmp_path, every):
    video = yard(tmp_path / "yard.mp4", 150, (21, 36), (70, 91), (110, 122), every=every)
    activity = await analyse(video, duration=150.0, mode="fast")
    assert activity.mode == "fast"
    assert tiles(activity)
    assert boundaries(activity) == pytest.approx([21, 36, 70, 91, 110, 122], abs=0.6)


@pytest.mark.parametrize("container", ["mkv", "ts", "avi"])
async def test_it_does_so_in_every_container(tmp_path, container):
    made = shots(tmp_path / "shots.mp4", *LENGTHS)
    video = tmp_path / f"shots.{container}"
    run_program("-i", str(made), "-c", "copy", str(video))
    activity = await analyse(video, duration=96.0, mode="fast")
    assert activity.mode == "fast"
    assert cuts(activity) == pytest.approx(CUTS, abs=0.2)


async def test_what_it_skips_is_no_cut(tmp_path):
    dawn = "color=c=0x101010:s=480x270:r=20,geq=lum='16+2*T':cb=128:cr=128"
    video = tmp_path / "dawn.mp4"
    run_program("-f", "lavfi", "-t", "100", "-i", dawn, *H264, "-g", "20", "-sc_threshold", "0", str(video))
    activity = await analyse(video, duration=100.0, mode="fast")
    assert activity.mode == "fast"
    assert cuts(activity) == []
    assert activity.segments[-1].brightness > activity.segments[0].brightness + 0.3


async def test_times_are_right_where_the_video_was_trimmed_and_the_sound_begins_first(tmp_path):
    made = shots(tmp_path / "shots.mp4", *LENGTHS)
    video = tmp_path / "trimmed.mp4"
    run_program(
        "-ss", "3", "-i", str(made), "-f", "lavfi", "-t", "93", "-i", "sine=frequency=440", "-c:v", "copy",
        "-map", "0:v", "-map", "1:a", str(video),
    )  # fmt: skip
    activity = await analyse(video, duration=93.0, mode="fast")
    assert cuts(activity) == pytest.approx([cut - 3 for cut in CUTS], abs=0.2)
    assert all(segment.sound is not None for segment in activity.segments)


async def test_it_decodes_less_than_a_third(tmp_path):
    video = shots(tmp_path / "shots.mp4", *LENGTHS)
    seen = await overview_of(video, 96.0, None)
    budget = Budget(seen, groups_of(seen, 96.0))
    windows = budget.first_look()
    assert windows
    assert sum(budget.cost(window) for window in windows) + seen.work[seen.is_key].sum() < 1 / 3


async def test_short_videos_are_looked_at_exactly_and_so_are_those_with_cuts_everywhere(
    tmp_path, monkeypatch
):
    video = shots(tmp_path / "shots.mp4", *LENGTHS)
    assert (await analyse(video, duration=96.0)).mode == "exact"
    monkeypatch.setattr("daybook.lifelog.activity.service.LONG", 60.0)
    assert (await analyse(video, duration=96.0)).mode == "fast"
    restless = shots(tmp_path / "restless.mp4", *[2.6] * 37)
    assert (await analyse(restless, duration=96.2)).mode == "exact"


async def test_a_video_with_too_few_key_pictures_is_looked_at_exactly(tmp_path):
    video = shots(tmp_path / "shots.mp4", 6, 5, 4, keys=("-g", "600", "-sc_threshold", "0"))
    activity = await analyse(video, duration=15.0, mode="fast")
    assert activity.mode == "exact"
    assert cuts(activity) == pytest.approx([6, 11], abs=0.06)
