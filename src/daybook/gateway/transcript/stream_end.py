"""Where a stream's terminal event begins, found as it passes: the ledger is closed before the client knows.

On the hot path: bytes are searched for a marker, and JSON is parsed only where one was found. Whatever is fed
comes out again, unchanged and in order: first from `feed`, and what waits from `rest`.
"""

from collections.abc import Callable

from daybook.gateway.transcript.terminal_events import DoneLine, NamedEvents, Scanner
from daybook.gateway.transcript.terminal_json import GeminiStream, JsonLines, dashscope_over, ollama_over


class StreamEnd:
    r"""Splits a stream into what may go to the client now and what waits for the record to be closed.

    >>> end = StreamEnd("chat.completions")
    >>> end.feed(b'data: {"choices":[]}\n\ndata: [DO'), end.begun
    (b'data: {"choices":[]}\n\n', False)
    >>> end.feed(b"NE]\n\n"), end.begun, end.rest()
    (b'', True, b'data: [DONE]\n\n')

    `feed` takes the next bytes of the stream, cut anywhere, and returns those that may go to the client now.
    The answer is over at the latest when the provider's stream ends, terminal event or not. APIs without one
    let everything pass.
    """

    __slots__ = ("_scanner", "feed")

    def __init__(self, api: str) -> None:
        self._scanner = _scanner(api)
        self.feed: Callable[[bytes], bytes] = self._scanner.feed

    @property
    def begun(self) -> bool:
        """The terminal event has begun: the first byte that waits is its first."""
        return self._scanner.begun

    @property
    def complete(self) -> bool:
        """The terminal event is whole: nothing of the answer is to come.

        Some of Gemini's models call every chunk the last one. The next chunk then makes `begun` and
        `complete` false again: the end of the provider's stream is the better sign where it can be waited
        for.
        """
        return self._scanner.complete

    def rest(self) -> bytes:
        """All that waits, to be sent when the record is closed. What is fed after it passes at once."""
        self.feed = bytes
        return self._scanner.rest()


def _scanner(api: str) -> Scanner:
    if api in {"chat.completions", "completions"}:
        return DoneLine()
    if api in _EVENTS:
        names, others = _EVENTS[api]
        return NamedEvents(names, others)
    if api in {"streamGenerateContent", "generateContent"}:
        return GeminiStream()
    if api in {"ollama.chat", "ollama.generate"}:
        return JsonLines((b"true",), ollama_over)
    if api == "dashscope.generation":
        return JsonLines((b"finish_reason",), dashscope_over)
    return Scanner()


# The names of terminal events, and how the names of the same API's other events begin.
_EVENTS: dict[str, tuple[tuple[bytes, ...], tuple[bytes, ...]]] = {
    "messages": ((b"message_stop",), (b"message_", b"content_block_", b"ping", b"error")),
    "responses": (
        (b"response.completed", b"response.incomplete", b"response.failed"),
        (b"response.", b"error"),
    ),
    "cohere.chat": ((b"message-end", b"stream-end"), (b"message-", b"content-", b"tool-", b"citation-")),
    "audio.transcriptions": ((b"transcript.text.done",), (b"transcript.",)),
    "audio.speech": ((b"speech.audio.done",), (b"speech.",)),
    "images.generations": ((b"image_generation.completed", b"image_edit.completed"), (b"image_",)),
}
