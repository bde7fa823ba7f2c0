"""OpenAI's speech to text: transcriptions and translations."""

from dataclasses import replace
from functools import partial

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import Asked, Bound
from daybook.gateway.apis.families import OPENAI_FAMILY
from daybook.gateway.apis.media import sound_tokens
from daybook.gateway.transcript.json_access import as_text
from daybook.gateway.transcript.terminal_events import NamedEvents
from llm_tracker.usage.apis import AUDIO_TRANSCRIPTIONS as USAGE


def _bound(asked: Asked) -> Bound:
    asked.media.audio = True
    most = sound_tokens(asked.body_size)
    return Bound(most, most, media=asked.media)


TRANSCRIPTIONS = Api(
    usage=USAGE,
    family=OPENAI_FAMILY,
    tail="audio/transcriptions",
    body="multipart",
    plain_text=True,
    questions=(("file", "prompt"),),
    text=lambda answer: (as_text(answer.get("text")),),
    terminal=partial(NamedEvents, (b"transcript.text.done",), (b"transcript.",)),
    pieces=("delta", "text", "message"),
    bound=_bound,
)
TRANSLATIONS = replace(TRANSCRIPTIONS, tail="audio/translations")
