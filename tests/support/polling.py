"""Waiting for what happens by itself, for as long as it takes and not longer."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def eventually(condition: Callable[[], Any], *, within: float = 20.0, pause: float = 0.02) -> Any:
    """Poll `condition` (plain or async) until its value is true, and return the value.

    Fails after `within` seconds, which only a test that fails has to wait for.
    """
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(
                f"still {value!r} after {within:g} s: {inspect.getsource(condition).strip()}"
            )
        await asyncio.sleep(pause)
