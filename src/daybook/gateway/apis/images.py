"""OpenAI's pictures: made from a prompt, or from other pictures."""

from dataclasses import replace
from functools import partial

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.bounds import Asked, Bound, count_of
from daybook.gateway.apis.families import OPENAI_FAMILY
from daybook.gateway.apis.media import LARGEST_CONTEXT, PICTURE
from daybook.gateway.transcript.terminal_events import NamedEvents
from llm_tracker.usage.apis import IMAGES_GENERATIONS as USAGE

_MOST_PICTURES = 16  # that one request to edit pictures takes
_PAINTED = 10_000  # tokens of a picture that is made


def _bound(asked: Asked) -> Bound:
    request, prompt = asked.request, asked.prompt_tokens
    asked.media.image = True
    if any(isinstance(value, str) and value.startswith("<file, ") for value in request.values()):
        prompt = min(prompt, LARGEST_CONTEXT) + _MOST_PICTURES * PICTURE
    return Bound(prompt, count_of(request.get("n")) * _PAINTED, media=asked.media)


IMAGES_GENERATIONS = Api(
    usage=USAGE,
    family=OPENAI_FAMILY,
    tail="images/generations",
    default_model="dall-e-2",
    questions=(("prompt",),),
    terminal=partial(NamedEvents, (b"image_generation.completed", b"image_edit.completed"), (b"image_",)),
    pieces=("text", "message"),
    bound=_bound,
)
IMAGES_EDITS = replace(IMAGES_GENERATIONS, tail="images/edits", body="multipart", default_model=None)
