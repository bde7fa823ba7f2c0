"""A stream that is written down while it comes: what is released of it needs no change by what follows."""

import logging
import re

from daybook.ledger.redaction import Redact, redact_bytes
from daybook.ledger.redaction.bodies import (
    first_piece,
    is_interleaved,
    lines_without_content,
    pieces_of,
    without_secrets,
)
from daybook.ledger.redaction.secrets import secrets_in

log = logging.getLogger(__name__)

LARGEST = 64 * 2**10
"""Bytes that are held back at most: a secret is not spread over more."""

_OPEN_KEY = re.compile(r"-----BEGIN(?!.*-----END [^-]*-----)", re.DOTALL)
_BLANKS = frozenset({r"\n", r"\r", r"\t"})  # as JSON writes them
_ANNOUNCED = re.compile(r"(?i)(?:[:=>\"'`]|bearer|pass\w*|pwd|secret|key|token)(?:\\[nrt]|[\s\"'`\\])*$")


class StreamRedactor:
    """Takes a stream chunk by chunk, cut anywhere: `feed` gives what can be written by now, `finish` the rest.

    Each call of `feed` looks at all that is held back, so call it for each note that is written, not for each chunk.
    """

    def __init__(self, mode: Redact) -> None:
        self._mode = mode
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk; returns whole lines, perhaps none yet."""
        if self._mode is Redact.OFF:
            return redact_bytes(self._mode, chunk)
        self._held += chunk
        return self._release(is_end=False)

    def finish(self) -> bytes:
        """What was held back."""
        return self._release(is_end=True)

    def _release(self, *, is_end: bool) -> bytes:
        try:
            end = len(self._held) if is_end else self._settled(self._held.rfind(b"\n") + 1)
            ready, self._held = self._held[:end], self._held[end:]
            if self._mode is Redact.CONTENT:
                return lines_without_content(ready)
            return without_secrets(ready, cut=is_end)
        except Exception as problem:  # noqa: BLE001  (whatever it is, the call's record must not be lost for it)
            log.error(  # noqa: TRY400  (a traceback could hold what was said)
                "A part of a stream could not be redacted (%s); nothing of it is kept.",
                type(problem).__name__,
            )
            self._held = b""
            return b""

    def _settled(self, end: int) -> int:
        """Where the lines end (`end` at most) that no secret can reach out of."""
        if self._mode is Redact.CONTENT or len(self._held) > LARGEST:
            return end
        text = self._held[:end].decode("utf-8", "surrogateescape")
        if text.lstrip().startswith("[") or is_interleaved(text):
            return 0  # one value, or several answers at once: when it is over
        pieces = list(pieces_of(text))
        said = "".join(piece["text"] for piece in pieces)
        safe = len(said) if (key := _OPEN_KEY.search(said)) is None else key.start()
        secrets = secrets_in(said)
        offset = len(said)
        for piece in reversed(pieces):
            offset -= len(piece["text"])
            line = text.rfind("\n", 0, piece.start()) + 1
            inside = offset > safe or any(first < offset < last for _, first, last in secrets)
            if not inside and _is_between_words(said, offset) and first_piece(text, line) == piece.start():
                return len(text[:line].encode("utf-8", "surrogateescape"))
        return end if not pieces else 0


def _is_between_words(said: str, offset: int) -> bool:
    """Whether a secret can neither reach across `offset` nor be announced before it."""
    before, after = said[max(0, offset - 48) : offset], said[offset : offset + 2]
    apart = after[:1].isspace() or after in _BLANKS or before[-1:].isspace() or before[-2:] in _BLANKS
    return apart and _ANNOUNCED.search(before) is None
