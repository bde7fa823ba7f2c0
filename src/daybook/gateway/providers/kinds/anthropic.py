"""Anthropic. Its base URL has no version. It also answers OpenAI's chat completions."""

from collections.abc import Mapping

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.chat_completions import CHAT_COMPLETIONS
from daybook.gateway.apis.families import ANTHROPIC_FAMILY
from daybook.gateway.providers.provider import Provider, bearer

VERSION_HEADER = {"anthropic-version": "2023-06-01"}


class Anthropic(Provider):
    """api.anthropic.com."""

    name = "anthropic"
    label = "Anthropic"
    families = (ANTHROPIC_FAMILY,)
    apis = (CHAT_COMPLETIONS,)
    default_base_url = "https://api.anthropic.com"
    added_paths = ("/v1/messages", "/v1")
    first_model = "claude-haiku-4-5"

    def url(self, base_url: str, api: Api, model: str, api_version: str | None) -> str:
        """Return the URL, with the version that the base URL does not have."""
        return f"{base_url}/v1/{api.tail}"

    def list_url(self, base_url: str, api_version: str | None) -> str:
        """Return the URL of the longest page of models."""
        return f"{base_url}/v1/models?limit=1000"

    def headers(self, api: Api | None) -> Mapping[str, str]:
        """Return the version header, without which nothing is answered."""
        return VERSION_HEADER

    def auth_headers(self, key: str, api: Api | None) -> Mapping[str, str]:
        """Return Anthropic's own header; OpenAI's API takes the key in OpenAI's as well."""
        own = {"x-api-key": key}
        return own | bearer(key) if api in self.apis else own


ANTHROPIC = Anthropic()
