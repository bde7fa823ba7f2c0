"""Identifiers that sort by creation time."""

import os
import threading
import time
from uuid import UUID

_COUNTER_BITS = 42
_COUNTER_MAX = (1 << _COUNTER_BITS) - 1
_STORE = 512  # random bytes per read


class _Clock:
    """The last millisecond and counter, and a store of random bytes: reading them from the system is the
    most expensive part of an id.
    """

    def __init__(self) -> None:
        # Re-entrant: a finaliser may create an id while its thread is in here.
        self.lock = threading.RLock()
        self.milliseconds = 0
        self.counter = 0
        self.random = b""

    def tick(self) -> tuple[int, int, int]:
        """Return milliseconds and counter, greater than any pair before even if the clock goes back; 32 random bits."""
        with self.lock:
            now = time.time_ns() // 1_000_000
            if now > self.milliseconds:
                # The top bit starts at 0, so that 2**41 ids fit into a millisecond.
                milliseconds, counter = now, self.draw(6) >> 7
            elif self.counter < _COUNTER_MAX:
                milliseconds, counter = self.milliseconds, self.counter + 1
            else:
                milliseconds, counter = self.milliseconds + 1, 0
            self.milliseconds, self.counter = milliseconds, counter
            return milliseconds, counter, self.draw(4)

    def draw(self, size: int) -> int:
        """Return `size` fresh random bytes as a number."""
        if len(self.random) < size:
            self.random = os.urandom(_STORE)
        drawn, self.random = self.random[:size], self.random[size:]
        return int.from_bytes(drawn)


_clock = _Clock()


def uuid7() -> UUID:
    """Return a version 7 UUID (RFC 9562, section 5.7; method 1 of 6.2), greater than all before in this process.

    48 bits of milliseconds, a 42-bit counter with a random start in each millisecond, 32 random bits.
    Safe across threads; a forked child starts a counter of its own.
    """
    milliseconds, counter, random = _clock.tick()
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= (counter >> 30) << 64
    value |= 0b10 << 62
    value |= (counter & 0x3FFF_FFFF) << 32
    value |= random
    return UUID(int=value)


def _reset_clock() -> None:
    global _clock  # noqa: PLW0603  # the parent's lock may be held by a thread that the child does not have
    _clock = _Clock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_clock)
