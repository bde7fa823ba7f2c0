"""Redaction of bodies: JSON, streams of events, forms, text.

A secret in a stream is spread over many events, a few letters in each. So the texts of the events are joined and
searched. Each secret is replaced where it begins and removed from the events that follow.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import accumulate, islice
from typing import Any

import orjson

from daybook.redaction.content import EVENT_NAME, shape_of
from daybook.redaction.secrets import CODE, mark, redact_text, replace_spans, secrets_in, suspects
from daybook.redaction.values import without_secrets_in

_EVENTS = re.compile(r"\s*(?:(?:data|event|id|retry)?:|\[)")
"""Server-sent events, or an array of them."""

_SEVERAL = re.compile(r'"(?:output_|content_)?index"\s*:\s*[1-9]')
_INDEX = re.compile(r'"(?:output_|content_)?index"\s*:\s*(\d+)')
_LEVELS = 4  # of indexes in an event; an array in one line has many more, which mean nothing
_HIDDEN = "\\u00"  # an ASCII letter can be written so


def text_pieces(names: Iterable[str]) -> re.Pattern[str]:
    """Compile the expression for pieces of text in events: strings under one of `names`. The last may be cut off."""
    return re.compile(
        rf'"({"|".join(map(re.escape, names))})"' r'\s*:\s*"(?P<text>[^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?$)'
    )


def without_codes(data: bytes) -> bytes:
    """Return `data` without activation codes. Every body passes, so the bare literal is searched first."""
    if b"daybook_" not in data:
        return data
    text = _decode(data)
    return data if (clean := CODE.expression.sub(mark(CODE.kind), text)) == text else _encode(clean)


def without_secrets(data: bytes, pieces: re.Pattern[str] | None = None) -> bytes:
    """Return `data` without secrets, even those in which a stream breaks off. `pieces` are those of its events."""
    text = _decode(data)
    is_stream = _is_stream(text)
    clean = _without_spread_secrets(text, pieces) if is_stream and pieces is not None else text
    if suspects(clean) or _HIDDEN in clean:
        clean = _by_line(clean, _line_without_secrets) if is_stream else _body_without_secrets(clean)
    return data if clean is text or clean == text else _encode(clean)


def without_content(data: bytes) -> bytes:
    """Return the shape of `data`: of JSON, and of each event."""
    text = _decode(data)
    try:
        return orjson.dumps(shape_of(orjson.loads(data)))
    except ValueError:
        pass
    if _is_stream(text):
        return _encode(_by_line(text, _line_without_content))
    return b'{"daybook":"[redacted: %d bytes]"}' % len(data) if text.strip() else data


def _is_stream(text: str) -> bool:
    """True if `text` is a stream of events: server-sent, one a line, or in an array."""
    return _EVENTS.match(text) is not None or "}\n{" in text or "}\r\n{" in text


def _without_spread_secrets(text: str, pieces: re.Pattern[str]) -> str:
    """Join the texts under one name, apart for each of several interleaved answers, and replace their secrets."""
    channels: defaultdict[tuple[str, ...], list[re.Match[str]]] = defaultdict(list)
    is_interleaved = _SEVERAL.search(text) is not None
    line, indexes = -1, ()
    for piece in pieces.finditer(text):
        if is_interleaved and piece.start() > line:  # the first text of an event
            start, line = text.rfind("\n", 0, piece.start()) + 1, text.find("\n", piece.end())
            line = len(text) if line < 0 else line
            indexes = tuple(found[1] for found in islice(_INDEX.finditer(text, start, line), _LEVELS))
        channels[piece[1], *indexes].append(piece)
    changed: list[tuple[int, int, str]] = []
    for channel in channels.values():
        for number, replaced in _replace_in([_unescape(piece["text"]) for piece in channel]):
            changed.append((*channel[number].span("text"), _escape(replaced)))
    return replace_spans(text, sorted(changed))


def _replace_in(texts: list[str]) -> Iterable[tuple[int, str]]:
    """Return the texts that change if the secrets across all of them are replaced, with their numbers."""
    secrets = secrets_in("".join(texts), cut=True)
    if not secrets:
        return ()
    starts = [0, *accumulate(map(len, texts))]
    changed: dict[int, str] = {}
    for kind, start, end in reversed(secrets):
        first, last = bisect_right(starts, start) - 1, bisect_right(starts, end - 1) - 1
        for number in range(last, first - 1, -1):
            held = changed.get(number, texts[number])
            head = held[: max(0, start - starts[number])]
            tail = held[end - starts[number] :] if number == last else ""
            changed[number] = head + (mark(kind) if number == first else "") + tail
    return changed.items()


def _body_without_secrets(text: str) -> str:
    try:
        value = orjson.loads(text)
    except ValueError:
        return redact_text(text, cut=True)
    clean = without_secrets_in(value)
    return text if clean is value else orjson.dumps(clean).decode()


def _by_line(text: str, change: Callable[[str], str]) -> str:
    """Change an array of events as one value, all else line by line."""
    if text.lstrip().startswith("["):
        return change(text)
    return "\n".join(change(line) if line.strip() else line for line in text.split("\n"))


def _line_without_secrets(line: str) -> str:
    if not suspects(line) and _HIDDEN not in line:
        return line
    head, said = _field(line)
    return head + _body_without_secrets(said)


def _line_without_content(line: str) -> str:
    head, said = _field(line)
    end = "\r" if said.endswith("\r") else ""
    said = said.rstrip("\r")
    name = head.strip()
    if name in {"event:", "id:", "retry:"} or (head and said == "[DONE]"):
        return line if EVENT_NAME.fullmatch(said) else head + end
    if head and name != "data:":
        return ":" + end
    try:
        value: Any = orjson.loads(said)
    except ValueError:
        return f'{head}{{"daybook":"[redacted: {len(said)} characters]"}}{end}'
    return head + orjson.dumps(shape_of(value, spread=True)).decode() + end


def _field(line: str) -> tuple[str, str]:
    """Split a line after `data: `; the head is empty if the line is no field of an event."""
    found = re.match(r"\s*(?:data|event|id|retry)?:\s?", line)
    return (found[0], line[found.end() :]) if found else ("", line)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(orjson.loads(f'"{text}"'))
    except ValueError:
        return text  # cut within an escape, or with a lone surrogate: it is searched as it is


def _escape(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
