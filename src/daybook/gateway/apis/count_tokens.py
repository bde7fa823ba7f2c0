"""Token counts: Anthropic's, OpenAI's and Gemini's. They are free, so they leave a call log and no line."""

from dataclasses import replace

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.families import ANTHROPIC_FAMILY, GEMINI_FAMILY, OPENAI_FAMILY
from daybook.gateway.apis.gemini import QUESTION
from llm_tracker.usage.apis import COUNT_TOKENS as USAGE

COUNT_TOKENS = Api(
    usage=USAGE,
    family=ANTHROPIC_FAMILY,
    tail="messages/count_tokens",
    line=False,
    questions=(
        ("system", "messages"),
        QUESTION,
        ("generateContentRequest",),
        ("instructions", "input"),
    ),
)
INPUT_TOKENS = replace(COUNT_TOKENS, family=OPENAI_FAMILY, tail="responses/input_tokens")
GEMINI_COUNT_TOKENS = replace(COUNT_TOKENS, family=GEMINI_FAMILY, tail="countTokens")
