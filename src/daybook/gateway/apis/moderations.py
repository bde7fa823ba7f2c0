"""OpenAI's moderations, which cost nothing unless a provider reports usage."""

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.families import OPENAI_FAMILY
from llm_tracker.usage.apis import MODERATIONS as USAGE

MODERATIONS = Api(
    usage=USAGE,
    family=OPENAI_FAMILY,
    tail="moderations",
    default_model="omni-moderation-latest",
    questions=(("input",),),
    estimates_usage=False,
)
