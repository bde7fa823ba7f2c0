"""What is found in real clips."""

import pytest

from daybook.lifelog.activity.service import analyse
from daybook.lifelog.media.service import inspect
from support.videos.fixed_camera import boundaries, cuts, tiles
from support.videos.made import FOOTAGE, footage, needs_footage

pytestmark = needs_footage


async def activity_of(name, mode="exact"):
    video = footage(name)
    return await analyse(video, duration=(await inspect(video)).duration, mode=mode)


@pytest.mark.parametrize("name", sorted(path.name for path in FOOTAGE.glob("*.*") if path.suffix != ".md"))
@pytest.mark.parametrize("mode", ["exact", "fast"])
async def test_every_clip_is_tiled(name, mode):
    activity = await activity_of(name, mode)
    assert tiles(activity)
    assert len(activity.segments) <= 14
    assert all(0 <= segment.motion <= 1 and 0 <= segment.brightness <= 1 for segment in activity.segments)


async def test_the_shots_of_a_street():
    # As seen in its pictures; the first, of 1.2 s, and the last, of 0.3 s, are too short to stand alone.
    assert cuts(await activity_of("bikes")) == pytest.approx([3.04, 5.48, 7.48], abs=0.05)


async def test_cuts_and_fades_of_a_trailer():
    activity = await activity_of("bbb_trailer")
    assert {24.708, 41.167, 43.708} <= set(cuts(activity))
    assert any(
        start == pytest.approx(51.5, abs=0.8) for start in boundaries(activity)
    )  # after the fade to black
    assert activity.segments[-1].brightness < 0.05


async def test_pedestrians_before_a_fixed_camera_are_a_few_stretches():
    activity = await activity_of("vtest_pedestrians")
    assert cuts(activity) == []
    assert 2 <= len(activity.segments) <= 6
    # At 40 s nearly everybody has left.
    assert min(activity.segments, key=lambda segment: segment.motion).start == pytest.approx(40.5, abs=1.5)


async def test_a_green_screen_hardly_has_any():
    activity = await activity_of("greenscreen")
    assert cuts(activity) == []
    assert len(activity.segments) <= 3


async def test_a_counter_is_one_stretch_until_its_sound_stops():
    activity = await activity_of("synthetic_timecode")
    assert boundaries(activity) == pytest.approx([17.5], abs=0.3)
