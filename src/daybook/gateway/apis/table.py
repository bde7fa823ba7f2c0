"""The APIs that the gateway speaks: which path is which, and what may be done with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Family(StrEnum):
    """Whose API it is; errors and model lists are answered in its shape."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


@dataclass(frozen=True, slots=True)
class Api:
    """One API.

    `name` is what `llm_tracker.usage` calls it. `line` says whether its calls leave a line in the ledger
    (else a call log only). `asks_usage`: whether its streams tell their usage only when `stream_options` asks
    for it.
    """

    name: str
    family: Family
    tail: str
    line: bool = True
    body: Literal["json", "multipart"] = "json"
    asks_usage: bool = False
    binary: bool = False
    default_model: str | None = None
    """The model that the API takes where a request names none."""


CHAT = Api("chat.completions", Family.OPENAI, "chat/completions", asks_usage=True)
MESSAGES = Api("messages", Family.ANTHROPIC, "messages")
COUNT_TOKENS = Api("count_tokens", Family.ANTHROPIC, "messages/count_tokens", line=False)
EMBEDDINGS = Api("embeddings", Family.OPENAI, "embeddings")

_OPENAI = {
    api.tail: api
    for api in (
        CHAT,
        Api("completions", Family.OPENAI, "completions", asks_usage=True),
        Api("responses", Family.OPENAI, "responses"),
        Api("count_tokens", Family.OPENAI, "responses/input_tokens", line=False),
        EMBEDDINGS,
        Api("moderations", Family.OPENAI, "moderations", default_model="omni-moderation-latest"),
        Api("images.generations", Family.OPENAI, "images/generations", default_model="dall-e-2"),
        Api("images.generations", Family.OPENAI, "images/edits", body="multipart"),
        Api("audio.transcriptions", Family.OPENAI, "audio/transcriptions", body="multipart"),
        Api("audio.transcriptions", Family.OPENAI, "audio/translations", body="multipart"),
        Api("audio.speech", Family.OPENAI, "audio/speech", binary=True),
        Api("rerank", Family.OPENAI, "rerank"),
        MESSAGES,
        COUNT_TOKENS,
    )
}

_GEMINI = {
    "generateContent": Api("generateContent", Family.GEMINI, "generateContent"),
    "streamGenerateContent": Api("streamGenerateContent", Family.GEMINI, "streamGenerateContent"),
    "embedContent": Api("embeddings", Family.GEMINI, "embedContent"),
    "batchEmbedContents": Api("embeddings", Family.GEMINI, "batchEmbedContents"),
    "countTokens": Api("count_tokens", Family.GEMINI, "countTokens", line=False),
}

LEADING: dict[Family, Api] = {
    Family.OPENAI: CHAT,
    Family.ANTHROPIC: MESSAGES,
    Family.GEMINI: _GEMINI["generateContent"],
}
"""Of each family, the API in which a model writes."""

# What cannot be metered: work that a provider does later, elsewhere, or over another protocol.
_UNMETERED = re.compile(
    r"(batches|realtime|files|uploads|fine_tuning|fine-tunes|assistants|threads|vector_stores|evals|containers|videos"
    r"|conversations|images/variations|messages/batches|cachedContents|tunedModels|corpora|fileSearchStores|operations"
    r"|interactions)(/.*)?$"
)
_UNMETERED_ACTIONS = frozenset(
    {"batchGenerateContent", "asyncBatchEmbedContent", "bidiGenerateContent", "predict", "predictLongRunning"}
)
_GEMINI_VERSIONS = frozenset({"v1", "v1beta", "v1alpha"})

PREFIXES = ("/v1/", "/v1beta/", "/v1alpha/")
"""Paths that belong to the gateway; everything else is the application's."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads. `model` is the model that the path names (Gemini, or one model of a list)."""

    kind: Literal["call", "models", "unmetered", "method", "unknown"]
    family: Family
    api: Api | None = None
    model: str | None = None


def family_of(headers: Mapping[str, str], query: Mapping[str, str]) -> Family:
    """Whose API the caller speaks, for paths under `/v1` that all three have: by what each SDK adds."""
    if "anthropic-version" in headers:
        return Family.ANTHROPIC
    if "x-goog-api-key" in headers or "x-goog-api-client" in headers or "key" in query:
        return Family.GEMINI
    return Family.OPENAI


def route_of(method: str, path: str, family: Family = Family.OPENAI) -> Route:
    """Where `method path` leads. `family` decides in whose shape `/v1/models` and errors under `/v1` are
    answered.
    """
    version, _, rest = path.lstrip("/").partition("/")
    rest = rest.rstrip("/")
    if rest.startswith("messages"):
        family = Family.ANTHROPIC
    if version != "v1":
        family = Family.GEMINI
    elif api := _OPENAI.get(rest):
        return Route("call" if method == "POST" else "method", api.family, api)
    head, _, name = rest.partition("/")
    if head == "models" and version in _GEMINI_VERSIONS:
        name, _, action = name.removeprefix("models/").partition(":")  # some name it twice; Google bears it
        if action:
            api = _GEMINI.get(action)
            if api is not None:
                return Route("call" if method == "POST" else "method", Family.GEMINI, api, name)
            return Route("unmetered" if action in _UNMETERED_ACTIONS else "unknown", Family.GEMINI)
        return Route("models" if method == "GET" else "method", family, model=name or None)
    return Route("unmetered" if _UNMETERED.match(rest) else "unknown", family)
