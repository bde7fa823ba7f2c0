"""uvicorn's server, which ends only once calls in progress are recorded."""

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from socket import socket

import uvicorn

_WRITING_DOWN = 2.0  # seconds for calls that were cut off to be recorded


class Server(uvicorn.Server):
    """Serves until a signal. Responses in progress have the configured time to end, or until a second SIGINT; then they
    are cut off.
    """

    async def serve(self, sockets: list[socket] | None = None) -> None:
        """Serve until every call has ended, or was cut off and recorded."""
        await super().serve(sockets)
        left = list(self.server_state.tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_WRITING_DOWN)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Handle signals as uvicorn does, but do not raise them again at the end: that would kill the process before
        its journal is closed.
        """
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
