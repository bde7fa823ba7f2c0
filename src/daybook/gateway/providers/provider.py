"""A provider: what the gateway must know of one, each in its own file under `kinds/`.

The defaults are those of OpenAI's API, which most providers follow.
"""

from collections.abc import Mapping
from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.families import Family


class Provider:
    """One provider. It has no state: key and address are those of a `ProviderConfig`."""

    name: str
    """The name in configurations, ledger lines and the price table."""
    label: str
    """The name for people."""
    families: tuple[Family, ...]
    """Families whose APIs it answers, all of them."""
    apis: tuple[Api, ...] = ()
    """Further APIs that it answers."""
    default_base_url: str | None = None
    """As its official SDK takes it; None if each configuration must have its own."""
    added_paths: tuple[str, ...] = ()
    """Path endings that the gateway adds itself: cut from a base URL that was copied with one."""
    first_model: str | None = None
    """A small model that every key may use, for a user's first program."""
    lists_called_names: bool = True
    """False if its list has other names than the ones that calls use."""
    max_tokens_field: str = "max_tokens"
    """The field of a chat completion that bounds the answer."""

    def answers(self, api: Api) -> bool:
        """Return True if the provider answers calls of `api`."""
        return api.family in self.families or api in self.apis

    def url(self, base_url: str, api: Api, model: str, api_version: str | None) -> str:
        """Return the URL of `api`. `api_version` is that of the configuration."""
        return f"{base_url}/{api.tail}"

    def list_url(self, base_url: str, api_version: str | None) -> str:
        """Return the URL of the list of models."""
        return f"{base_url}/models"

    def headers(self, api: Api | None) -> Mapping[str, str]:
        """Return the headers that a call of `api` (None: the list of models) cannot do without."""
        return {}

    def auth_headers(self, key: str, api: Api | None) -> Mapping[str, str]:
        """Return the headers that carry the key."""
        return bearer(key)

    def listed_models(self, body: Any) -> tuple[str, ...] | None:
        """Return the names in a list of models; None if `body` is no such list."""
        return names_in(body, "data", "id")

    def refuses_key(self, status: int, body: Any) -> bool:
        """Return True if the answer to a request for models refuses the key, or asks for one."""
        return status in {401, 403}


def bearer(key: str) -> dict[str, str]:
    """Return the header in which OpenAI's API takes the key."""
    return {"authorization": f"Bearer {key}"}


def names_in(body: Any, rows_field: str, name_field: str) -> tuple[str, ...] | None:
    """Return the names in a JSON list of models, without Google's prefix; None if `body` has no such list."""
    rows = body.get(rows_field) if isinstance(body, dict) else None
    if not isinstance(rows, list):
        return None
    names = (row.get(name_field) for row in rows if isinstance(row, dict))
    return tuple(name.removeprefix("models/") for name in names if isinstance(name, str) and name)
