"""Being asked to stop: Ctrl-C, SIGTERM, the terminal's end."""

import os
import select
import signal
from types import FrameType
from typing import Self

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """Somebody wants us to stop while we are still starting."""


class StopSignals:
    """Signals as state. Until `settle` the first one raises `StopRequested`, wherever we are.

    A second Ctrl-C hurries.
    """

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
        """From now on a signal only sets `requested`."""
        self._raising = False

    def hurry(self) -> bool:
        """Whether Ctrl-C came a second time."""
        return self._interrupts > 1

    def wait(self, timeout: float) -> None:
        """Sleep until a signal comes (a child's end is one) or `timeout` seconds have passed."""
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
    """Whether we were started to outlive the terminal. An ignored SIGINT says no such thing: every script's
    background jobs have it, and whoever sends it there means it.
    """
    return number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Python wakes `select` only for signals that have a handler."""
