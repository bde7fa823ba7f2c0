"""Any server that follows OpenAI's API (Ollama, vLLM, OpenRouter, …). Some of them answer Anthropic's as well."""

from collections.abc import Mapping
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.families import ANTHROPIC_FAMILY, OPENAI_FAMILY
from daybook.gateway.providers.kinds.anthropic import VERSION_HEADER
from daybook.gateway.providers.kinds.gemini import has_invalid_key_reason
from daybook.gateway.providers.provider import Provider, bearer


class OpenAICompatible(Provider):
    """A server at an address of one's own."""

    name = "openai_compatible"
    label = "OpenAI-compatible (Ollama, vLLM…)"
    families = (OPENAI_FAMILY, ANTHROPIC_FAMILY)
    added_paths = ("/chat/completions",)

    def headers(self, api: Api | None) -> Mapping[str, str]:
        """Return Anthropic's version header for Anthropic's API."""
        return VERSION_HEADER if api is not None and api.family is ANTHROPIC_FAMILY else {}

    def auth_headers(self, key: str, api: Api | None) -> Mapping[str, str]:
        """Return OpenAI's header; Anthropic's API takes the key in Anthropic's as well."""
        own = bearer(key)
        return {**own, "x-api-key": key} if api is not None and api.family is ANTHROPIC_FAMILY else own

    def refuses_key(self, status: int, body: Any) -> bool:
        """Return True also for Google's refusal: its OpenAI-compatible address may be configured as such a server."""
        return super().refuses_key(status, body) or has_invalid_key_reason(body)


OPENAI_COMPATIBLE = OpenAICompatible()
