"""What the call log keeps of an exchange, and what of a stream has to wait until it is kept.

`request_parts`, `answer_of_body` and `answer_of_stream` run after the exchange, in the shipper: they raise
nothing, whatever the bytes are, in time proportional to their number. `StreamEnd` and `UsageChunkFilter`
stand in the stream itself.
"""

from daybook.gateway.transcript.answer import Answer, answer_of_body, answer_of_stream
from daybook.gateway.transcript.faults import fault_of_body
from daybook.gateway.transcript.request import request_parts
from daybook.gateway.transcript.shape import parse
from daybook.gateway.transcript.storable import storable, storable_text
from daybook.gateway.transcript.stream_end import StreamEnd
from daybook.gateway.transcript.usage_chunk import UsageChunkFilter

__all__ = [
    "Answer",
    "StreamEnd",
    "UsageChunkFilter",
    "answer_of_body",
    "answer_of_stream",
    "fault_of_body",
    "parse",
    "request_parts",
    "storable",
    "storable_text",
]
