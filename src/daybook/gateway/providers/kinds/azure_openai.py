"""Azure OpenAI. Its base URL is the resource's endpoint, without `/openai`.

With an `api-version` in its configuration it is called by deployment, else under `/openai/v1`.
"""

from collections.abc import Mapping
from urllib.parse import quote

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.families import OPENAI_FAMILY
from daybook.gateway.providers.provider import Provider


class AzureOpenAI(Provider):
    """A resource on Azure."""

    name = "azure_openai"
    label = "Azure OpenAI"
    families = (OPENAI_FAMILY,)
    added_paths = ("/openai/v1", "/openai")
    lists_called_names = False  # it lists models; calls name deployments
    max_tokens_field = "max_completion_tokens"

    def url(self, base_url: str, api: Api, model: str, api_version: str | None) -> str:
        """Return the URL of the deployment `model`, or of the version that needs none."""
        if api_version is None:
            return f"{base_url}/openai/v1/{api.tail}"
        deployment = f"{base_url}/openai/deployments/{quote(model, safe='')}"
        return f"{deployment}/{api.tail}?api-version={quote(api_version, safe='')}"

    def list_url(self, base_url: str, api_version: str | None) -> str:
        """Return the URL of the resource's models."""
        if api_version is None:
            return f"{base_url}/openai/v1/models"
        return f"{base_url}/openai/models?api-version={api_version}"

    def auth_headers(self, key: str, api: Api | None) -> Mapping[str, str]:
        """Return Azure's own header for keys."""
        return {"api-key": key}


AZURE_OPENAI = AzureOpenAI()
