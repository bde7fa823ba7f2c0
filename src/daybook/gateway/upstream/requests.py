"""A call as it is sent to a provider: its URL and its headers."""

from collections.abc import Mapping
from urllib.parse import urlencode

from daybook.gateway.apis.api import Api
from daybook.gateway.providers.config import ProviderConfig, Target

_FORWARDED = ("content-type", "accept", "user-agent", "anthropic-version", "anthropic-beta", "openai-beta")


def request_url(target: Target, api: Api, query: Mapping[str, str]) -> str:
    """Return the URL of `api` at `target`. Of the caller's query only a few names are kept: it may hold a code."""
    config = target.config
    url = config.provider.url(config.base_url, api, target.model, config.api_version)
    forwarded = {name: query[name] for name in api.family.forwarded_query if name in query}
    return f"{url}?{urlencode(forwarded)}" if forwarded else url


def request_headers(config: ProviderConfig, api: Api, received: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a call: a few of the caller's, the configured ones, the provider's own, and the key."""
    headers = {name: received[name] for name in _FORWARDED if name in received}
    headers["accept-encoding"] = "identity"
    headers.update(config.headers)
    provider = config.provider
    for name, value in provider.headers(api).items():
        headers[name] = received.get(name) or headers.get(name, value)
    if config.api_key:
        headers.update(provider.auth_headers(config.api_key, api))
    return headers
