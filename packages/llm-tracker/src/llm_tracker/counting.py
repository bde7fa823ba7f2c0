"""Offline token counts, for calls whose provider reported none. Such a line is marked as estimated."""

from functools import cache
from typing import Any

from rs_bpe.bpe import openai

from llm_tracker.usage import ApiUsage, Usage
from llm_tracker.usage.apis import AUDIO_TOKENS, usage_of

IMAGE_TOKENS = 1000
"""Estimate for a picture in a prompt, whatever its size: between OpenAI's 85 for a small one and Anthropic's 1,600
for a large one."""

MEDIA_TOKENS = AUDIO_TOKENS
"""Estimate for sound, a video or a document, inline or by URL, whatever its length."""

MESSAGE_TOKENS = 4
"""Tokens that a chat format adds around each message."""

_PIECE = 256 * 1024
"""Characters that are counted at once, so that other threads get their turn between the pieces."""

_PROMPTS = """
    messages message chat_history preamble documents system instructions prompt suffix input contents content
    systemInstruction system_instruction requests texts query instances
""".split()  # noqa: SIM905 - names read better in a paragraph
"""Members of a request, of any API, whose text the model reads."""

_SCHEMAS = ("tools", "functions", "response_format", "text", "format")
"""Members of a request whose JSON the model reads."""

_TEXTS = """
    content text parts thinking reasoning_content refusal tool_calls function name arguments output input
    summary functionCall functionResponse message messages prompt title context query snippet
""".split()  # noqa: SIM905 - as above
"""Members of a message, or of a part of one, that are text or contain it. All others (ids, roles, signatures,
encrypted or binary data) are not counted as text."""

_JSON = ("args", "response", "data", "input", "arguments")
"""Members of a part that hold a tool's input or output as JSON."""

_PICTURES = {"image_url", "input_image", "image", "computer_screenshot"}
_MEDIA = {"input_audio", "audio", "input_file", "file", "document", "video_url", "input_video", "video"}
_INLINE = {"inlineData", "inline_data", "fileData", "file_data"}


def count_tokens(text: str) -> int:
    """Return the number of o200k tokens in the text, in linear time whatever the text.

    More than 256 Ki characters are counted in pieces; a token across a cut then counts as two or three.
    """
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate is no text
    return sum(_tokenizer().count(text[at : at + _PIECE]) for at in range(0, len(text), _PIECE))


def estimate_usage(api: ApiUsage | str, request: Any, answer_text: str) -> Usage:
    """Estimate the usage of a call whose provider reported none, from its request and its answer.

    `request` is the parsed body. Its text is counted, and the JSON of its tools and schemas; pictures and other media
    have a flat figure, and base64 is never counted as text. Malformed requests count as nothing. Raises `ValueError`
    for an unknown name of an API.
    """
    api = usage_of(api)
    if not api.is_counted:
        return Usage()
    prompt = _Prompt()
    if isinstance(request, dict):
        prompt.read(request)
    prompt_tokens = prompt.tokens() + api.unseen_prompt
    completion_tokens = count_tokens(answer_text) if api.has_text else 0
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
    )


class _Prompt:
    """The parts of a request that the model reads. Walks without recursion, so that no nesting is too deep."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._flat = 0

    def tokens(self) -> int:
        return count_tokens("\n".join(self._texts)) + self._flat

    def read(self, request: dict[str, Any]) -> None:
        for name in _PROMPTS:
            self._content(request.get(name))
        for name in _SCHEMAS:
            self._json(request.get(name))
        self._count_media("images", request.get("images"))
        for name in ("generationConfig", "generation_config", "parameters"):
            config = request.get(name)
            if isinstance(config, dict):
                for schema in ("responseSchema", "responseJsonSchema", "response_schema", "tools"):
                    self._json(config.get(schema))

    def _content(self, content: Any) -> None:
        stack = [content]
        while stack:
            value = stack.pop()
            if isinstance(value, str):
                self._text(value)
            elif isinstance(value, list):
                stack.extend(value)
            elif isinstance(value, dict):
                stack.extend(self._part(value))
            elif type(value) is int:
                self._flat += 1  # a prompt may be given as token ids

    def _part(self, part: dict[str, Any]) -> list[Any]:
        """Count a message or a part of one; return the parts of it that are still to be read."""
        kind = part.get("type")
        if isinstance(kind, str) and kind in _PICTURES:
            self._flat += IMAGE_TOKENS
            return []
        if isinstance(kind, str) and kind in _MEDIA:
            source = part.get("source")
            if isinstance(source, dict) and source.get("type") in {"text", "content"}:
                return [source.get("data"), source.get("content")]
            self._flat += MEDIA_TOKENS
            return []
        if "role" in part:
            self._flat += MESSAGE_TOKENS
        rest: list[Any] = []
        for name, value in part.items():
            if name in _INLINE or name in {"image", "images", "audio", "video"}:
                self._count_media(name, value)
            elif name in _JSON and isinstance(value, dict):
                if _TEXT_BEARING & value.keys():
                    rest.append(value)
                else:
                    self._json(value)
            elif name in _TEXTS:
                rest.append(value)
        return rest

    def _json(self, value: Any) -> None:
        """Read JSON as the model does, names and punctuation included."""
        stack: list[Any] = [value] if isinstance(value, (dict, list)) else []
        while stack:
            inner = stack.pop()
            if isinstance(inner, dict):
                self._texts.extend(f'"{name}":' for name in inner)
                stack.extend(inner.values())
            elif isinstance(inner, list):
                stack.extend(inner)
            elif isinstance(inner, str):
                self._text(inner)
            elif inner is not None:
                self._texts.append(str(inner))

    def _text(self, text: str) -> None:
        if text.startswith("data:") and ";base64," in text[:200]:
            self._flat += IMAGE_TOKENS if text.startswith("data:image/") else MEDIA_TOKENS
        elif _looks_like_base64(text):
            self._flat += MEDIA_TOKENS
        else:
            self._texts.append(text)

    def _count_media(self, name: str, value: Any) -> None:
        if value is None:
            return
        described = value if isinstance(value, dict) else {}
        mime_type = described.get("mimeType") or described.get("mime_type") or ""
        picture = name in {"image", "images"} or str(mime_type).startswith("image/")
        number = len(value) if isinstance(value, list) else 1
        self._flat += number * (IMAGE_TOKENS if picture else MEDIA_TOKENS)


_TEXT_BEARING = {"messages", "prompt", "content", "text"}
"""Members that make an object a part to be read instead of a tool's JSON (DashScope's `input`)."""

_BASE64_SAMPLE = 4096


def _looks_like_base64(text: str) -> bool:
    """True if a text is data: long, without spaces, of letters of both cases and digits."""
    if len(text) < _BASE64_SAMPLE:
        return False
    sample = text[:_BASE64_SAMPLE]
    return (
        sample.isascii()
        and " " not in sample
        and sample.replace("+", "")
        .replace("/", "")
        .replace("-", "")
        .replace("_", "")
        .replace("\n", "")
        .isalnum()
        and not (sample.islower() or sample.isupper() or sample.isalpha() or sample.isdigit())
    )


@cache
def _tokenizer() -> Any:
    return openai.o200k_base()
