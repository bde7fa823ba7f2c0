"""The APIs that the gateway knows, and the routes to them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.chat_completions import CHAT_COMPLETIONS
from daybook.gateway.apis.cohere import COHERE_CHAT
from daybook.gateway.apis.completions import COMPLETIONS
from daybook.gateway.apis.count_tokens import COUNT_TOKENS, GEMINI_COUNT_TOKENS, INPUT_TOKENS
from daybook.gateway.apis.embeddings import BATCH_EMBED_CONTENTS, EMBED_CONTENT, EMBEDDINGS
from daybook.gateway.apis.families import ANTHROPIC_FAMILY, GEMINI_FAMILY, OPENAI_FAMILY, Family
from daybook.gateway.apis.gemini import GENERATE_CONTENT, STREAM_GENERATE_CONTENT
from daybook.gateway.apis.images import IMAGES_EDITS, IMAGES_GENERATIONS
from daybook.gateway.apis.messages import MESSAGES
from daybook.gateway.apis.moderations import MODERATIONS
from daybook.gateway.apis.ollama import OLLAMA_CHAT, OLLAMA_GENERATE
from daybook.gateway.apis.rerank import RERANK
from daybook.gateway.apis.responses import RESPONSES
from daybook.gateway.apis.speech import SPEECH
from daybook.gateway.apis.transcriptions import TRANSCRIPTIONS, TRANSLATIONS
from llm_tracker.usage import ApiUsage
from llm_tracker.usage.apis import APIS as USAGES

APIS: tuple[Api, ...] = (
    CHAT_COMPLETIONS, COMPLETIONS, RESPONSES, INPUT_TOKENS, EMBEDDINGS, MODERATIONS, IMAGES_GENERATIONS, IMAGES_EDITS,
    TRANSCRIPTIONS, TRANSLATIONS, SPEECH, RERANK,
    MESSAGES, COUNT_TOKENS,
    GENERATE_CONTENT, STREAM_GENERATE_CONTENT, EMBED_CONTENT, BATCH_EMBED_CONTENTS, GEMINI_COUNT_TOKENS,
    OLLAMA_CHAT, OLLAMA_GENERATE, COHERE_CHAT,
)  # fmt: skip
"""Of those with one name, the first is the one that journals mean."""

PREFIXES = ("/v1/", "/v1beta/", "/v1alpha/")
"""Paths that belong to the gateway; everything else is the application's."""

# Calls that cannot be metered: a provider does the work later, elsewhere, or over another protocol.
_UNMETERED = re.compile(
    r"(batches|realtime|files|uploads|fine_tuning|fine-tunes|assistants|threads|vector_stores|evals|containers|videos"
    r"|conversations|images/variations|messages/batches|cachedContents|tunedModels|corpora|fileSearchStores|operations"
    r"|interactions)(/.*)?$"
)
_UNMETERED_ACTIONS = frozenset(
    {"batchGenerateContent", "asyncBatchEmbedContent", "bidiGenerateContent", "predict", "predictLongRunning"}
)
_GEMINI_VERSIONS = frozenset({"v1", "v1beta", "v1alpha"})

_UNKNOWN = Api(usage=ApiUsage("unknown"), family=OPENAI_FAMILY, tail="", is_routed=False, questions=())


@dataclass(frozen=True, slots=True)
class Route:
    """The destination of a path. `model` is the model that the path names (Gemini, or one model of a list)."""

    kind: Literal["call", "models", "unmetered", "method", "unknown"]
    family: Family
    api: Api | None = None
    model: str | None = None


class ApiTable:
    """APIs by path and by name, and their families."""

    def __init__(self) -> None:
        self.load(APIS)

    def load(self, apis: Sequence[Api]) -> None:
        """Know these APIs and no others."""
        routed = [api for api in apis if api.is_routed]
        self.by_path = {api.tail: api for api in routed if not api.family.names_model_in_path}
        self.by_action = {api.tail: api for api in routed if api.family.names_model_in_path}
        self._by_name = {api.name: api for api in reversed(apis)}
        self._leading = {api.family: api for api in apis if api.is_leading}
        families = dict.fromkeys(api.family for api in routed)
        self._headers = [(name, family) for family in families for name in family.headers]
        self._parameters = [(name, family) for family in families for name in family.query]

    def family(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Family:
        """Return the family of a request to a path that several have: OpenAI's unless another is recognised."""
        for name, family in self._headers:
            if name in headers:
                return family
        for name, family in self._parameters:
            if name in query:
                return family
        return OPENAI_FAMILY

    def route(self, method: str, path: str, family: Family = OPENAI_FAMILY) -> Route:
        """Return the destination of `method path`. `family` is that of paths which several families have."""
        version, _, rest = path.lstrip("/").partition("/")
        rest = rest.rstrip("/")
        if version != "v1":
            family = GEMINI_FAMILY
        elif api := self.by_path.get(rest):
            return Route("call" if method == "POST" else "method", api.family, api)
        elif rest.startswith("messages"):
            family = ANTHROPIC_FAMILY
        head, _, name = rest.partition("/")
        if head == "models" and version in _GEMINI_VERSIONS:
            # Some SDKs repeat "models/", as Google allows.
            name, _, action = name.removeprefix("models/").partition(":")
            if action:
                api = self.by_action.get(action)
                if api is not None:
                    return Route("call" if method == "POST" else "method", api.family, api, name)
                return Route("unmetered" if action in _UNMETERED_ACTIONS else "unknown", GEMINI_FAMILY)
            return Route("models" if method == "GET" else "method", family, model=name or None)
        return Route("unmetered" if _UNMETERED.match(rest) else "unknown", family)

    def named(self, name: str) -> Api:
        """Return the API that journals and call logs call `name`; one without any knowledge if it is unknown."""
        return self._by_name.get(name) or replace(_UNKNOWN, usage=USAGES.get(name) or ApiUsage(name))

    def leading(self, family: Family) -> Api:
        """Return the API of `family` in which a model writes."""
        return self._leading[family]


TABLE = ApiTable()
family_of, route_of, named, leading = TABLE.family, TABLE.route, TABLE.named, TABLE.leading
