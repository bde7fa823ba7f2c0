"""Parts of a request that are not text: pictures, sound, videos, documents, and data that the provider fetches.

Figures are upper bounds, from the providers' documentation as of 2026:

| what | tokens at most | why |
|---|---|---|
| picture | 6,000 | OpenAI: 1,536 patches at 2.46; Anthropic: 4,784; Gemini: 258 a tile |
| picture, gpt-4o-mini | 50,000 | 8 tiles at 5,667, and 2,833 |
| sound | 1 for 16 bytes, and 1,000 | 32 a second (Gemini) at 6 kbit/s |
| video | 1 for 4 bytes, and 1,000 | 300 a second at 10 kbit/s |
| other documents | 32 for each byte, the largest context at most | pages are compressed, and read as pictures, too |
| fetched data | the largest context | its size is not in the request |

Data counts as such only in the places where an API reads data. Everywhere else the model reads it as text, and it
counts by its bytes.
"""

from dataclasses import dataclass
from typing import Any

from daybook.gateway.transcript.json_access import as_dict, as_list

LARGEST_CONTEXT = 1_048_576
"""Tokens of the largest prompt that a model takes."""

PICTURE = 6_000
DEAR_PICTURE = 50_000
_DEAR_PICTURES = "gpt-4o-mini"

_ROOTS = ("messages", "input", "contents", "system", "systemInstruction", "system_instruction")
_NESTED = ("content", "parts", "output")
"""Where parts are, and parts in parts."""

_PICTURES = ("image_url", "input_image", "image")
_HOLDERS = (
    *("source", "inlineData", "inline_data", "fileData", "file_data", "input_audio", "file"),
    *("image_url", "video_url", "audio_url", "file_url", "file_id"),
)
"""Members of a part that hold data, or refer to it."""

_REMEMBERED = (
    *("previous_response_id", "conversation", "cachedContent", "cached_content"),
    *("container", "mcp_servers", "web_search_options"),
)
"""Members of a request by which the provider reads more than the request."""

_RUN_BY_CALLER = (
    "function",
    "custom",
    "bash_",
    "text_editor_",
    "computer",
    "memory_",
    "local_shell",
    "apply_patch",
    "shell",
)
"""Types of tools, or their prefixes, that the caller runs. The provider runs all others and reads their results."""


@dataclass(slots=True)
class Media:
    """The parts of a request that are not text."""

    base64: int = 0
    """Characters of the request that are data, not read as text."""
    tokens: int = 0
    unbounded: bool = False
    """True if the provider reads data that is not in the request."""
    audio: bool = False
    image: bool = False
    cache_control: bool = False
    """True if the caller asks for (dearer) writes to the provider's cache."""


def media_of(request: dict[str, Any], model: str) -> Media:
    """Measure the media in `request` (parsed). Walks without recursion; unknown parts count as text."""
    media = Media()
    tools = [tool for tool in as_list(request.get("tools")) if isinstance(tool, dict)]
    media.unbounded = (
        any(request.get(name) for name in _REMEMBERED)
        or isinstance(request.get("prompt"), dict)
        or any(_is_run_by_provider(tool) for tool in tools)
    )
    media.cache_control = any("cache_control" in one for one in (request, *tools))
    config = as_dict(request.get("generationConfig", request.get("generation_config")))
    asked = [*as_list(request.get("modalities")), *as_list(config.get("responseModalities"))]
    media.audio, media.image = (any(str(one).lower() == kind for one in asked) for kind in ("audio", "image"))

    picture = DEAR_PICTURE if _DEAR_PICTURES in model else PICTURE
    stack = [request.get(name) for name in _ROOTS]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, dict):
            media.cache_control = media.cache_control or "cache_control" in value
            for name in _HOLDERS:
                if value.get(name):
                    _held(media, value, value[name], picture)
            stack.extend(value[name] for name in _NESTED if name in value)
    return media


def sound_tokens(size: int) -> int:
    """Return the most tokens of `size` bytes of sound."""
    return size // 16 + 1000


def _held(media: Media, part: dict[str, Any], holder: Any, picture: int) -> None:
    """Count what `holder`, a member of `part`, holds or refers to."""
    described = as_dict(holder)
    kind = next(
        (
            text
            for name in ("media_type", "mime_type", "mimeType", "format")
            if isinstance(text := described.get(name), str)
        ),
        "",
    )
    for data in (holder, *(described.get(name) for name in ("data", "url", "file_data"))):
        if isinstance(data, str) and data.startswith("data:") and ";base64," in data[:200]:
            head, _, encoded = data.partition(";base64,")
            _inline(media, head.removeprefix("data:"), len(encoded), picture)
            return
    data = described.get("data", described.get("file_data"))
    if isinstance(data, str):
        _inline(media, kind, len(data), picture)
    elif part.get("type") in _PICTURES or kind.startswith("image/"):
        media.image = True
        media.tokens += picture
    elif described.get("type") != "content":  # a document whose text is in parts, which count by their bytes
        media.unbounded = True


def _inline(media: Media, kind: str, length: int, picture: int) -> None:
    size = length * 3 // 4
    if kind.startswith("text/"):
        return  # it counts by its bytes, of which it has more in base64
    media.base64 += length
    if kind.startswith("image/"):
        media.image = True
        media.tokens += picture
    elif kind.startswith("video/"):
        media.audio = media.image = True
        media.tokens += size // 4 + 1000
    elif kind.startswith("audio/") or (kind and "/" not in kind):  # OpenAI says `wav`
        media.audio = True
        media.tokens += sound_tokens(size)
    else:
        media.image = True
        media.tokens += min(size * 32 + 1000, LARGEST_CONTEXT)


def _is_run_by_provider(tool: dict[str, Any]) -> bool:
    kind = tool.get("type")
    if isinstance(kind, str):
        return not kind.startswith(_RUN_BY_CALLER)
    if "name" in tool or "function" in tool:
        return False
    return bool(
        set(tool) - {"functionDeclarations", "function_declarations"}
    )  # Gemini: one member for each tool
