"""Requests to stop: Ctrl-C, SIGTERM, the end of the terminal."""

import os
import select
import signal
from types import FrameType
from typing import Self

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """A request to stop came during the start."""


class StopSignals:
    """Signals as state. Until `settle` the first one raises `StopRequested`. A second Ctrl-C hurries."""

    def __init__(self) -> None:
        self.requested = False
        self._interrupts = 0
        self._raising = True

    def __enter__(self) -> Self:
        self._wake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._old_fd = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._wake_end = wake
        self._old = {number: signal.signal(number, self._on_stop) for number in _STOP if not _nohup(number)}
        self._old[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _nothing)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_fd)
        os.close(self._wake)
        os.close(self._wake_end)

    def settle(self) -> None:
        """Let further signals only set `requested`."""
        self._raising = False

    def hurry(self) -> bool:
        """True after a second Ctrl-C."""
        return self._interrupts > 1

    def wait(self, timeout: float) -> None:
        """Sleep until a signal (such as the end of a child), for at most `timeout` seconds."""
        if select.select([self._wake], [], [], timeout)[0]:
            os.read(self._wake, 512)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        self._interrupts += number == signal.SIGINT
        if not self.requested:
            self.requested = True
            if self._raising:
                self._raising = False
                raise StopRequested


def _nohup(number: signal.Signals) -> bool:
    """True if this process was started with nohup. An ignored SIGINT does not count: it is usual for background jobs of
    scripts.
    """
    return number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: Python wakes `select` only for signals with a handler."""
