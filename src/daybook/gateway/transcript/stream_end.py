"""Split a passing stream at its terminal event: the call is recorded before its caller knows that it is over.

On the hot path: bytes are searched for a marker, and JSON is parsed only where one was found. All bytes come out
unchanged and in order: first from `feed`, and those held back from `rest`.
"""

from collections.abc import Callable

from daybook.gateway.transcript.terminal_events import Scanner


class StreamEnd:
    r"""Splits a stream into what may go to the client now and what waits until the call is recorded.

    >>> end = StreamEnd(DoneLine())
    >>> end.feed(b'data: {"choices":[]}\n\ndata: [DO'), end.begun
    (b'data: {"choices":[]}\n\n', False)
    >>> end.feed(b"NE]\n\n"), end.begun, end.rest()
    (b'', True, b'data: [DONE]\n\n')

    `feed` takes the next bytes of the stream, cut anywhere, and returns those that may go to the client now. The answer
    ends at the latest with the provider's stream. `Scanner`, for APIs without a terminal event, lets everything pass.
    """

    __slots__ = ("_scanner", "feed")

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self.feed: Callable[[bytes], bytes] = scanner.feed

    @property
    def begun(self) -> bool:
        """True if the terminal event has begun: its first byte is the first that waits."""
        return self._scanner.begun

    @property
    def complete(self) -> bool:
        """True if the terminal event is whole: nothing of the answer follows.

        Some of Gemini's models mark every chunk as the last. The next chunk then makes `begun` and `complete` false
        again, so waiting for the end of the provider's stream is more reliable.
        """
        return self._scanner.complete

    def rest(self) -> bytes:
        """Return all that waits, to be sent when the call is recorded. Bytes fed later pass at once."""
        self.feed = bytes
        return self._scanner.rest()
