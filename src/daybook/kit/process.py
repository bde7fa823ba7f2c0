"""The main function of a process that runs until a signal stops it."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from daybook.kit.errors import Unavailable

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_process(log_level: str, main: Coroutine[Any, Any, None], *, origin: str = "%(name)s") -> None:
    """Run `main` on uvloop, with a log on stderr. `origin` is the part of a log line that names its logger."""
    logging.basicConfig(level=log_level.upper(), format=f"%(asctime)s %(levelname)s {origin}: %(message)s")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def require_database(url: str | None) -> str:
    """Return `url`. Raises `Unavailable` if it is None."""
    if url is None:
        raise Unavailable("There is no database: `daybook run` starts one, or set DATABASE_URL.")
    return url


def on_stop_signal(stop: Callable[[], object]) -> None:
    """Call `stop` in the running event loop on SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop)
