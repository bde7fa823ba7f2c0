"""A provider that does not exist, unlike all others: its paths, its key, its list and its refusals."""

from collections.abc import Mapping
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.chat_completions import CHAT_COMPLETIONS
from daybook.gateway.providers.provider import Provider, names_in


class Acme(Provider):
    """Answers chat completions only."""

    name = "acme"
    label = "Acme"
    families = ()
    apis = (CHAT_COMPLETIONS,)
    default_base_url = "https://acme.example"
    added_paths = ("/talk",)
    first_model = "anvil-small"
    max_tokens_field = "most_tokens"

    def url(self, base_url: str, api: Api, model: str, api_version: str | None) -> str:
        return f"{base_url}/talk/{model}"

    def list_url(self, base_url: str, api_version: str | None) -> str:
        return f"{base_url}/catalog"

    def headers(self, api: Api | None) -> Mapping[str, str]:
        return {"acme-date": "today"}

    def auth_headers(self, key: str, api: Api | None) -> Mapping[str, str]:
        return {"acme-key": key}

    def listed_models(self, body: Any) -> tuple[str, ...] | None:
        return names_in(body, "catalog", "title")

    def refuses_key(self, status: int, body: Any) -> bool:
        return status == 418


ACME = Acme()
