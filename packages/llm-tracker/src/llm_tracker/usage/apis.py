"""The usage of each known API, as one object per API."""

from dataclasses import replace

from llm_tracker.usage.anthropic import messages_usage
from llm_tracker.usage.api import LAST_CHOICE, ApiUsage, Source
from llm_tracker.usage.gemini import gemini_usage
from llm_tracker.usage.openai import completion_usage, prompt_usage
from llm_tracker.usage.others import OLLAMA_FIELDS, cohere_usage, ollama_usage

AUDIO_TOKENS = 1000
"""Estimate for a recording, whatever its length."""

CHAT_COMPLETIONS = ApiUsage(
    "chat.completions",
    (
        Source(("usage",), completion_usage),
        Source(("x_groq", "usage"), completion_usage),
        Source(("result", "usage"), completion_usage),  # Cloudflare's wrapping
        Source((LAST_CHOICE, "usage"), completion_usage),  # Moonshot streams
    ),
    members=rb"usage",
)
COMPLETIONS = replace(CHAT_COMPLETIONS, name="completions")
RESPONSES = ApiUsage(
    "responses",
    (
        Source(("response", "usage"), completion_usage),  # response.completed, .incomplete, .failed
        Source(("usage",), completion_usage),
    ),
    members=rb"usage",
)
MESSAGES = ApiUsage(
    "messages",
    (
        Source(("message", "usage"), messages_usage),  # message_start
        Source(("usage",), messages_usage),  # message_delta, and a whole message
    ),
    members=rb"usage",
    is_spread=True,
)
GENERATE_CONTENT = ApiUsage(
    "generateContent", (Source(("usageMetadata",), gemini_usage),), members=rb"usageMetadata"
)
STREAM_GENERATE_CONTENT = replace(GENERATE_CONTENT, name="streamGenerateContent")
EMBEDDINGS = ApiUsage(
    "embeddings",
    (
        Source(("usage",), prompt_usage),
        Source(("result", "usage"), prompt_usage),
        Source(("usageMetadata",), gemini_usage),
        Source(("meta",), cohere_usage),
        Source((), ollama_usage, OLLAMA_FIELDS),
    ),
    members=rb"usage|usageMetadata|meta|(?:prompt_)?eval_count",
    has_text=False,
)
RERANK = replace(EMBEDDINGS, name="rerank")
MODERATIONS = replace(EMBEDDINGS, name="moderations")
"""OpenAI reports no usage of moderations, Mistral does."""
AUDIO_TRANSCRIPTIONS = ApiUsage(
    "audio.transcriptions",
    (Source(("usage",), prompt_usage),),
    members=rb"usage",
    unseen_prompt=AUDIO_TOKENS,
)
AUDIO_TRANSLATIONS = replace(AUDIO_TRANSCRIPTIONS, name="audio.translations")
AUDIO_SPEECH = ApiUsage("audio.speech", (Source(("usage",), completion_usage),), members=rb"usage")
IMAGES_GENERATIONS = replace(AUDIO_SPEECH, name="images.generations")
IMAGES_EDITS = replace(AUDIO_SPEECH, name="images.edits")
OLLAMA_CHAT = ApiUsage(
    "ollama.chat", (Source((), ollama_usage, OLLAMA_FIELDS),), members=rb"(?:prompt_)?eval_count"
)
OLLAMA_GENERATE = replace(OLLAMA_CHAT, name="ollama.generate")
COHERE_CHAT = ApiUsage(
    "cohere.chat",
    (
        Source(("delta", "usage"), cohere_usage),  # v2 stream, message-end
        Source(("usage",), cohere_usage),
        Source(("response", "meta"), cohere_usage),  # v1 stream, stream-end
        Source(("meta",), cohere_usage),
    ),
    members=rb"tokens",
)
DASHSCOPE_GENERATION = replace(AUDIO_SPEECH, name="dashscope.generation")
COUNT_TOKENS = ApiUsage("count_tokens", is_counted=False)
MODELS = ApiUsage("models", is_counted=False)

APIS: dict[str, ApiUsage] = {
    usage.name: usage for usage in list(globals().values()) if isinstance(usage, ApiUsage)
}
"""All of the above by name."""


def usage_of(api: ApiUsage | str) -> ApiUsage:
    """Return the usage object of an API. Raises `ValueError` for an unknown name."""
    if isinstance(api, ApiUsage):
        return api
    found = APIS.get(api)
    if found is None:
        raise ValueError(f"Unknown api {api!r}. Known: {', '.join(APIS)}")
    return found
