"""OpenAI's text to speech. Answers are sound, or a stream of events."""

from functools import partial

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import Asked, Bound
from daybook.gateway.apis.families import OPENAI_FAMILY
from daybook.gateway.transcript.terminal_events import NamedEvents
from llm_tracker.usage.apis import AUDIO_SPEECH as USAGE

_SPOKEN = 8  # tokens of sound for each byte that is spoken


def _bound(asked: Asked) -> Bound:
    asked.media.audio = True
    return Bound(asked.prompt_tokens, _SPOKEN * asked.body_size + 1000, media=asked.media)


SPEECH = Api(
    usage=USAGE,
    family=OPENAI_FAMILY,
    tail="audio/speech",
    binary=True,
    questions=(("instructions", "input"),),
    terminal=partial(NamedEvents, (b"speech.audio.done",), (b"speech.",)),
    pieces=("text", "message"),
    bound=_bound,
)
