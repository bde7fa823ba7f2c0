"""Notifications of PostgreSQL (`LISTEN`) for one process, over a connection that is replaced when it is lost."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg

from daybook.kit.loops import set_within

log = logging.getLogger(__name__)

BEAT = 1.0
"""Seconds between signs of life: a connection that a network has swallowed says nothing by itself."""

_PATIENCE = 3  # seconds for an answer, then the connection counts as lost
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between attempts to connect

Callback = Callable[[str | None], None]
"""Called with the payload of a notification, or with None if notifications may have been missed."""


class Listener:
    """Calls a callback for each notification of its channel, and with None after each connect, the first included.

    A pooler in front of PostgreSQL must pool by session: others swallow notifications. Callers therefore look for
    themselves once in a while.
    """

    def __init__(self, dsn: str, callbacks: Mapping[str, Callback]) -> None:
        self._dsn = dsn
        self._callbacks = callbacks
        self._is_closing = False
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen. The database need not be available."""
        self._task = asyncio.create_task(self._keep_listening(), name="listener")

    async def close(self) -> None:
        """Stop listening and close the connection."""
        self._is_closing = True
        self._woken.set()
        if self._task is not None:
            await self._task

    async def _keep_listening(self) -> None:
        pause = _FIRST_PAUSE
        while not self._is_closing:
            self._woken.clear()
            started = time.monotonic()
            try:
                connection = await asyncpg.connect(self._dsn, timeout=_PATIENCE, command_timeout=_PATIENCE)
                try:
                    await self._listen(connection)
                    if time.monotonic() - started > _LONGEST_PAUSE:
                        pause = _FIRST_PAUSE
                finally:
                    connection.terminate()
            except Exception as problem:  # noqa: BLE001  (a process that stopped listening would never say so)
                log.info("Notifications are not heard (%s). Connecting again.", type(problem).__name__)
            if not self._is_closing:
                self._woken.clear()
                await set_within(self._woken, pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _listen(self, connection: asyncpg.Connection) -> None:
        """Listen until the connection is lost or the listener closes."""
        connection.add_termination_listener(self._lost)
        for channel in self._callbacks:
            await connection.add_listener(channel, self._notified)
        for callback in self._callbacks.values():
            callback(None)
        while not await set_within(self._woken, BEAT):
            await connection.execute("SELECT 1")

    def _lost(self, _: object) -> None:
        self._woken.set()

    def _notified(self, _: Any, __: int, channel: str, payload: object) -> None:
        self._callbacks[channel](str(payload))
