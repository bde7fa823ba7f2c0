"""Gemini. Its base URL has no version. It also answers a part of OpenAI's API, under `/v1beta/openai`."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.chat_completions import CHAT_COMPLETIONS
from daybook.gateway.apis.embeddings import EMBEDDINGS
from daybook.gateway.apis.families import GEMINI_FAMILY
from daybook.gateway.providers.provider import Provider, bearer, names_in


class Gemini(Provider):
    """generativelanguage.googleapis.com."""

    name = "gemini"
    label = "Gemini"
    families = (GEMINI_FAMILY,)
    apis = (CHAT_COMPLETIONS, EMBEDDINGS)
    default_base_url = "https://generativelanguage.googleapis.com"
    added_paths = ("/v1beta/models", "/v1beta")
    first_model = "gemini-2.5-flash"

    def url(self, base_url: str, api: Api, model: str, api_version: str | None) -> str:
        """Return the URL: Gemini's own APIs have the model in their path."""
        if api.family is GEMINI_FAMILY:
            return f"{base_url}/v1beta/models/{quote(model, safe='')}:{api.tail}"
        return f"{base_url}/v1beta/openai/{api.tail}"

    def list_url(self, base_url: str, api_version: str | None) -> str:
        """Return the URL of the longest page of models."""
        return f"{base_url}/v1beta/models?pageSize=1000"

    def auth_headers(self, key: str, api: Api | None) -> Mapping[str, str]:
        """Return Google's own header; OpenAI's API takes the key in OpenAI's as well."""
        own = {"x-goog-api-key": key}
        return own | bearer(key) if api in self.apis else own

    def listed_models(self, body: Any) -> tuple[str, ...] | None:
        """Return the names in Google's shape of a list."""
        return names_in(body, "models", "name")

    def refuses_key(self, status: int, body: Any) -> bool:
        """Return True also for a 400 with Google's reason."""
        return super().refuses_key(status, body) or has_invalid_key_reason(body)


def has_invalid_key_reason(body: Any) -> bool:
    """Return True if an error has the reason by which Google refuses a key."""
    return isinstance(body, dict) and "API_KEY_INVALID" in str(body.get("error"))


GEMINI = Gemini()
