"""An exchange's transcript, stream end and bound, by the name of its API."""

from typing import Any

from daybook.gateway.apis import transcripts
from daybook.gateway.apis.bounds import Asked, Bound
from daybook.gateway.apis.table import named
from daybook.gateway.transcript.stream_end import StreamEnd
from daybook.redaction import Redact, redact_bytes


def answer_of_body(api: str, body: Any, **http: Any) -> transcripts.Answer:
    return transcripts.answer_of_body(named(api), body, **http)


def answer_of_stream(api: str, raw: bytes) -> transcripts.Answer:
    return transcripts.answer_of_stream(named(api), raw)


def request_parts(api: str, body: Any) -> tuple[Any, dict[str, Any]]:
    return transcripts.request_parts(named(api), body)


def stream_end(api: str) -> StreamEnd:
    return StreamEnd(named(api).terminal())


def most_tokens(api: str, body: dict[str, Any], size: int, **options: Any) -> Bound:
    return named(api).bound(Asked.of(body, size, **options))


def redacted(api: str, mode: Redact, body: bytes) -> bytes:
    return redact_bytes(mode, body, named(api).streamed_text)
