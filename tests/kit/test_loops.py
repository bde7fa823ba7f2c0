"""Work that is repeated until it is stopped."""

import asyncio
import logging

import pytest

from daybook.kit.errors import Unavailable
from daybook.kit.loops import every, set_within


async def test_work_is_repeated_until_it_is_stopped():
    rounds, stop = 0, asyncio.Event()

    async def work():
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            stop.set()

    await asyncio.wait_for(every(0.001, work, stop, "Counting"), 5)
    assert rounds == 3


async def test_a_stop_ends_the_pause_and_a_stopped_loop_does_nothing():
    rounds, stop = [], asyncio.Event()

    async def work():
        rounds.append(1)

    loop = asyncio.create_task(every(3600, work, stop, "Waiting"))
    await asyncio.sleep(0.05)
    stop.set()
    await asyncio.wait_for(loop, 1)
    await asyncio.wait_for(every(3600, work, stop, "Waiting", first=3600), 1)
    assert len(rounds) == 1


async def test_a_round_may_ask_for_another_pause():
    rounds, stop = 0, asyncio.Event()

    async def work():
        nonlocal rounds
        rounds += 1
        if rounds == 20:
            stop.set()
        return 0.0

    await asyncio.wait_for(every(3600, work, stop, "Hurrying"), 5)
    assert rounds == 20


@pytest.mark.parametrize(
    ("problem", "has_traceback"),
    [(Unavailable("No disk."), False), (OSError(), False), (KeyError("x"), True)],
)
async def test_a_failed_round_is_logged_and_tried_again_sooner(caplog, problem, has_traceback):
    rounds, stop = 0, asyncio.Event()

    async def work():
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise problem
        stop.set()

    with caplog.at_level(logging.WARNING):
        await asyncio.wait_for(every(3600, work, stop, "Verifying", after_failure=0.01), 5)
    [record] = caplog.records
    assert record.getMessage() == f"Verifying failed ({type(problem).__name__}). Next try in 0.01 s."
    assert (record.exc_info is not None) is has_traceback


async def test_cancelling_is_no_failure(caplog):
    loop = asyncio.create_task(every(0, lambda: asyncio.sleep(3600), asyncio.Event(), "Sleeping"))
    await asyncio.sleep(0.05)
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(loop, 1)
    assert not caplog.records


async def test_waiting_says_if_the_event_was_set():
    event = asyncio.Event()
    assert not await set_within(event, 0)
    assert not await set_within(event, 0.01)
    asyncio.get_running_loop().call_later(0.01, event.set)
    assert await set_within(event, 5)
