"""The `openai` SDK's clients for a provider's config. Importing this module imports the SDK."""

from functools import cache
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from llm_tracker.provider_config import ProviderConfig

# The SDK requires a key. `request_headers` removes it for servers that need none.
_NO_KEY = "no-key"


def sync_client(config: ProviderConfig) -> openai.OpenAI:
    """Return a client for all threads of this process."""
    http = openai.DefaultHttpxClient(**_transport(config))
    if _speaks_azure(config):
        return openai.AzureOpenAI(http_client=http, **_azure_options(config))
    return openai.OpenAI(http_client=http, base_url=config.api_base, **_options(config))


def async_client(config: ProviderConfig) -> openai.AsyncOpenAI:
    """Return a client for one event loop, to be closed before the loop."""
    http = openai.DefaultAsyncHttpxClient(**_transport(config))
    if _speaks_azure(config):
        return openai.AsyncAzureOpenAI(http_client=http, **_azure_options(config))
    return openai.AsyncOpenAI(http_client=http, base_url=config.api_base, **_options(config))


def request_headers(config: ProviderConfig) -> dict[str, Any]:
    """Return headers that stop the SDK from sending a dummy key, or OpenAI's ids to others."""
    headers: dict[str, Any] = {}
    if config.api_key is None:
        headers["Authorization"] = openai.omit
    if config.provider != "openai":
        # The SDK reads these from OPENAI_ORG_ID and OPENAI_PROJECT_ID, which are for OpenAI only.
        if config.organization is None:
            headers["OpenAI-Organization"] = openai.omit
        if config.project is None:
            headers["OpenAI-Project"] = openai.omit
    return headers


def _speaks_azure(config: ProviderConfig) -> bool:
    """True for Azure's own API; its newer address (…/openai/v1) has OpenAI's."""
    return config.provider == "azure_openai" and "/openai/v1" not in urlsplit(config.api_base or "").path


def _options(config: ProviderConfig) -> dict[str, Any]:
    options: dict[str, Any] = {
        "api_key": config.api_key or _NO_KEY,
        "organization": config.organization,
        "project": config.project,
        "max_retries": config.max_retries,
        "default_headers": dict(config.default_headers),
    }
    if config.timeout is not None:
        options["timeout"] = config.timeout
    return options


def _azure_options(config: ProviderConfig) -> dict[str, Any]:
    options = _options(config)
    return {**options, "azure_endpoint": config.api_base, "api_version": config.api_version}


def _transport(config: ProviderConfig) -> dict[str, Any]:
    return {"verify": _tls()} if config.transport is None else {"transport": config.transport}


@cache
def _tls() -> SSLContext:
    """Return the TLS context of all clients: reading certificates is slower than connecting."""
    return httpx2.create_ssl_context()
