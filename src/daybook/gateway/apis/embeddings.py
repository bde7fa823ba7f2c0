"""Embeddings: OpenAI's, and Gemini's of one text and of several."""

from dataclasses import replace

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.families import GEMINI_FAMILY, OPENAI_FAMILY
from llm_tracker.usage.apis import EMBEDDINGS as USAGE

_QUESTIONS = "input", "inputs", "texts", "images", "content", "contents", "requests", "instances", "prompt"

EMBEDDINGS = Api(
    usage=USAGE, family=OPENAI_FAMILY, tail="embeddings", questions=tuple((name,) for name in _QUESTIONS)
)
EMBED_CONTENT = replace(EMBEDDINGS, family=GEMINI_FAMILY, tail="embedContent")
BATCH_EMBED_CONTENTS = replace(EMBED_CONTENT, tail="batchEmbedContents")
