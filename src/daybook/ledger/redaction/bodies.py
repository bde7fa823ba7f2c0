r"""Bodies as they pass: JSON, streams of events, forms, text.

A secret in a stream is spread over many events, a few letters in each. So the texts of the events are joined, secrets
are looked for in what results, and each is replaced where it begins and taken out of the events that follow.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import accumulate, islice
from typing import Any

import orjson

from daybook.ledger.redaction.content import EVENT_NAME, shape_of
from daybook.ledger.redaction.secrets import CODE, mark, redact_text, replace_spans, secrets_in, suspects
from daybook.ledger.redaction.values import without_secrets_in

_EVENTS = re.compile(r"\s*(?:(?:data|event|id|retry)?:|\[)")
"""Server-sent events, or an array of them."""

_PIECE = re.compile(
    r'"(content|text|delta|arguments|partial_json|thinking|reasoning(?:_content)?|refusal|response|transcript|message)"'
    r'\s*:\s*"(?P<text>[^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?$)'
)
"""A text in an event; the last one may be cut off."""

_SEVERAL = re.compile(r'"(?:output_|content_)?index"\s*:\s*[1-9]')
_INDEX = re.compile(r'"(?:output_|content_)?index"\s*:\s*(\d+)')
_LEVELS = 4  # of indexes in an event; an array in one line has many more, which tell nothing
_HIDDEN = "\\u00"  # an ASCII letter can be written so


def without_codes(data: bytes) -> bytes:
    """`data` without activation codes. It is asked of every body, so it looks for the literal alone first."""
    if b"daybook_" not in data:
        return data
    text = _decode(data)
    return data if (clean := CODE.expression.sub(mark(CODE.kind), text)) == text else _encode(clean)


def without_secrets(data: bytes) -> bytes:
    """`data` without secrets, even those in which a stream breaks off."""
    text = _decode(data)
    is_stream = _is_stream(text)
    clean = _without_spread_secrets(text) if is_stream else text
    if suspects(clean) or _HIDDEN in clean:
        clean = _by_line(clean, _line_without_secrets) if is_stream else _body_without_secrets(clean)
    return data if clean is text or clean == text else _encode(clean)


def without_content(data: bytes) -> bytes:
    """The shape of `data`: of JSON and of each event."""
    text = _decode(data)
    try:
        return orjson.dumps(shape_of(orjson.loads(data)))
    except ValueError:
        pass
    if _is_stream(text):
        return _encode(_by_line(text, _line_without_content))
    return b'{"daybook":"[redacted: %d bytes]"}' % len(data) if text.strip() else data


def _is_stream(text: str) -> bool:
    """Whether `text` is a stream of events: as server-sent events, one in a line, or in an array."""
    return _EVENTS.match(text) is not None or "}\n{" in text or "}\r\n{" in text


def _without_spread_secrets(text: str) -> str:
    """Texts under one name are one; where several answers are interleaved, each is by itself."""
    channels: defaultdict[tuple[str, ...], list[re.Match[str]]] = defaultdict(list)
    is_interleaved = _SEVERAL.search(text) is not None
    line, indexes = -1, ()
    for piece in _PIECE.finditer(text):
        if is_interleaved and piece.start() > line:  # the first text of an event
            start, line = text.rfind("\n", 0, piece.start()) + 1, text.find("\n", piece.end())
            line = len(text) if line < 0 else line
            indexes = tuple(found[1] for found in islice(_INDEX.finditer(text, start, line), _LEVELS))
        channels[piece[1], *indexes].append(piece)
    changed: list[tuple[int, int, str]] = []
    for pieces in channels.values():
        for number, replaced in _replace_in([_unescape(piece["text"]) for piece in pieces]):
            changed.append((*pieces[number].span("text"), _escape(replaced)))
    return replace_spans(text, sorted(changed))


def _replace_in(texts: list[str]) -> Iterable[tuple[int, str]]:
    """The texts that change when the secrets in all of them together are replaced, with their numbers."""
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
    """An array of events is one value where it is whole; all else goes line by line."""
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
    """`data: ` and what follows; the head is empty where the line is no field of an event."""
    found = re.match(r"\s*(?:data|event|id|retry)?:\s?", line)
    return (found[0], line[found.end() :]) if found else ("", line)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(orjson.loads(f'"{text}"'))
    except ValueError:
        return text  # cut within an escape, or with a lone surrogate: it is looked at as it stands


def _escape(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
