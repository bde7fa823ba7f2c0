"""The providers' side: what address a call goes to, and with which headers."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from daybook.gateway.apis.api import Api
from daybook.gateway.apis.families import ANTHROPIC_FAMILY, GEMINI_FAMILY, OPENAI_FAMILY, Family
from daybook.gateway.providers.config import Provider, ProviderConfig
from daybook.gateway.providers.urls import credentials

_FORWARDED = ("content-type", "accept", "user-agent", "anthropic-version", "anthropic-beta", "openai-beta")
ANTHROPIC_VERSION = "2023-06-01"

_SPEAKS: dict[Provider, frozenset[Family]] = {
    Provider.OPENAI: frozenset({OPENAI_FAMILY}),
    Provider.AZURE_OPENAI: frozenset({OPENAI_FAMILY}),
    Provider.OPENAI_COMPATIBLE: frozenset({OPENAI_FAMILY, ANTHROPIC_FAMILY}),
    Provider.ANTHROPIC: frozenset({ANTHROPIC_FAMILY}),
    Provider.GEMINI: frozenset({GEMINI_FAMILY}),
}
# Anthropic and Gemini also answer a part of OpenAI's API.
_ALSO = {
    Provider.ANTHROPIC: frozenset({"chat.completions"}),
    Provider.GEMINI: frozenset({"chat.completions", "embeddings"}),
}


def speaks(provider: ProviderConfig, api: Api) -> bool:
    """Whether `provider` answers calls of `api`."""
    if api.family in _SPEAKS[provider.provider]:
        return True
    return api.family is OPENAI_FAMILY and api.name in _ALSO.get(provider.provider, ())


def address(provider: ProviderConfig, api: Api, model: str, query: Mapping[str, str]) -> str:
    """The URL of `api` at `provider`. Of the caller's query only `alt` and `beta` go on: the rest may hold a
    code.
    """
    base = provider.base_url
    if api.family is GEMINI_FAMILY:
        alt = f"?{urlencode({'alt': query['alt']})}" if "alt" in query else ""
        return f"{base}/v1beta/models/{quote(model, safe='')}:{api.tail}{alt}"
    match provider.provider:
        case Provider.AZURE_OPENAI if provider.api_version:
            version = quote(provider.api_version, safe="")
            return f"{base}/openai/deployments/{quote(model, safe='')}/{api.tail}?api-version={version}"
        case Provider.AZURE_OPENAI:
            return f"{base}/openai/v1/{api.tail}"
        case Provider.ANTHROPIC:
            return f"{base}/v1/{api.tail}{_beta(api, query)}"
        case Provider.GEMINI:
            return f"{base}/v1beta/openai/{api.tail}"
        case _:
            return f"{base}/{api.tail}{_beta(api, query)}"


def _beta(api: Api, query: Mapping[str, str]) -> str:
    """What Anthropic's SDK adds for its beta features."""
    return "?beta=true" if api.family is ANTHROPIC_FAMILY and query.get("beta") == "true" else ""


def headers_for(provider: ProviderConfig, api: Api, received: Mapping[str, str]) -> dict[str, str]:
    """The headers that go to `provider`: a few of the caller's, the provider's own, and the key."""
    headers = {name: received[name] for name in _FORWARDED if name in received}
    headers["accept-encoding"] = "identity"
    own = credentials(provider)
    if "anthropic-version" in headers:
        own.pop("anthropic-version", None)
    headers |= own
    key = provider.api_key
    if key and api.family is OPENAI_FAMILY and provider.provider in _ALSO:
        headers["authorization"] = f"Bearer {key}"
    elif api.family is ANTHROPIC_FAMILY and provider.provider is Provider.OPENAI_COMPATIBLE:
        headers.setdefault("anthropic-version", ANTHROPIC_VERSION)
        if key:
            headers["x-api-key"] = key
    return headers
