"""uvicorn's server, which ends only when what was under way has left its records."""

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager
from socket import socket

import uvicorn

_WRITING_DOWN = 2.0  # seconds for calls that were cut off to leave their records


class Server(uvicorn.Server):
    """Serves until a signal. Answers may end for as long as the configuration says, or until SIGINT says it
    again; those that are left then are cut off.
    """

    async def serve(self, sockets: list[socket] | None = None) -> None:
        """Serve; return when every call has ended, or was cut off and has recorded how far it came."""
        await super().serve(sockets)
        left = list(self.server_state.tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_WRITING_DOWN)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """As uvicorn's, but for the end: there it raises the signal again, which would end the process before
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
