"""Cells become segments: as few as there are different stretches, and never too many or too short."""

from itertools import pairwise

import numpy as np
import pytest

from daybook.lifelog.activity.cells import Frames, Sound, cells_of
from daybook.lifelog.activity.segmentation import MOST_AT_ONCE, MOST_PER_HOUR, SHORTEST, segments_of


def still(_seconds):
    return 0.0


def cells(seconds, motion, *, cuts=(), blocks=None, energy=None):
    """Cells of half a second; `motion` and `blocks` are functions of the time, `energy` too."""
    at = np.arange(0, seconds, 0.5)
    shown = np.array([np.full(40, 100 if blocks is None else blocks(t)) for t in at]).astype(np.uint8)
    sound = (
        None if energy is None else Sound(np.array([energy(t) for t in np.arange(0, seconds, 0.25)]), 0.25)
    )
    moving = np.array([motion(t) for t in at], np.float64)
    return cells_of(Frames(at, shown, np.zeros(at.size)), moving, np.array(cuts, np.float64), sound, seconds)


def starts(found):
    return [segment.start for segment in found]


def test_a_day_of_nothing_is_one_segment():
    found = segments_of(cells(86_400, still))
    assert [(segment.start, segment.end) for segment in found] == [(0, 86_400)]


def test_a_cat_in_the_night_is_found_in_a_day_of_nothing():
    found = segments_of(cells(86_400, lambda t: 0.05 if 40_000 <= t < 40_020 else 0.0))
    assert starts(found) == pytest.approx([0, 40_000, 40_020], abs=3)


def test_a_crowd_that_moves_more_and_less_is_one_stretch():
    random = np.random.default_rng(7)
    found = segments_of(cells(600, lambda _: 0.05 * random.lognormal(0, 0.5)))
    assert len(found) == 1


def test_a_street_that_looks_another_way_every_second_is_a_few_stretches_not_dozens():
    random = np.random.default_rng(11)
    moves, shows = random.lognormal(0, 0.7, 600), random.uniform(105, 135, 600)
    found = segments_of(cells(600, lambda t: 0.05 * moves[int(t)], blocks=lambda t: shows[int(t)]))
    assert len(found) <= 6


def test_light_that_goes_on_is_a_change():
    found = segments_of(cells(120, still, blocks=lambda t: 20 if t < 50 else 120))
    assert starts(found) == pytest.approx([0, 50], abs=0.5)
    assert [segment.brightness for segment in found] == pytest.approx([20 / 255, 120 / 255], abs=0.01)


def test_a_change_for_a_moment_is_none():
    found = segments_of(cells(120, lambda t: 0.2 if 60 <= t < 61 else 0.0))
    assert len(found) == 1


def test_a_voice_that_pauses_between_words_goes_on():
    random = np.random.default_rng(3)
    found = segments_of(cells(120, still, energy=lambda _: 10.0 ** random.uniform(-4, -2)))
    assert len(found) == 1
    assert -30 < found[0].sound < -20


def test_cuts_stay_however_alike_both_sides_are():
    found = segments_of(cells(60, still, cuts=(20.26, 41.7)))
    assert starts(found) == [0, 20.26, 41.7]
    assert [segment.cut for segment in found] == [False, True, True]


def test_the_motion_of_a_cut_is_not_that_of_the_stretch():
    found = segments_of(cells(60, lambda t: 1.0 if t == 30.0 else 0.0, cuts=(30.26,)))
    assert [segment.motion for segment in found] == [0.0, 0.0]


def test_there_are_never_more_than_can_be_paid_for_and_never_shorter_ones():
    found = segments_of(cells(3600, still, cuts=np.arange(1, 3600, 1.3)))
    assert len(found) <= MOST_AT_ONCE + MOST_PER_HOUR
    assert min(segment.end - segment.start for segment in found) >= SHORTEST - 0.01
    assert found[0].start == 0
    assert found[-1].end == 3600
    assert all(one.end == next_one.start for one, next_one in pairwise(found))


@pytest.mark.parametrize("seconds", [0.04, 0.5, 1.9, 3.0])
def test_the_shortest_videos_are_one_segment(seconds):
    assert [(segment.start, segment.end) for segment in segments_of(cells(seconds, lambda _: 0.5))] == [
        (0, seconds)
    ]
