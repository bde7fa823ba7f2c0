"""Base URLs of providers, in one spelling each, and how a provider is shown its key."""

from urllib.parse import SplitResult, urlsplit, urlunsplit

from daybook.gateway.providers.config import DEFAULT_BASE_URLS, Provider, ProviderConfig
from daybook.kit.errors import Invalid

# What people copy along with the address, and the gateway adds by itself.
_ADDED_BY_GATEWAY = {
    Provider.ANTHROPIC: ("/v1/messages", "/v1"),
    Provider.GEMINI: ("/v1beta/models", "/v1beta"),
    Provider.AZURE_OPENAI: ("/openai/v1", "/openai"),
    Provider.OPENAI: ("/chat/completions",),
    Provider.OPENAI_COMPATIBLE: ("/chat/completions",),
}


def normalised_base_url(provider: Provider, text: str | None) -> str:
    """`text` as the base URL of a `provider`, or the provider's own where there is no text.

    Raises `Invalid` for what is not a plain http(s) address, without repeating it: it may hold a password.
    """
    text = (text or "").strip()
    if not text:
        if provider not in DEFAULT_BASE_URLS:
            raise Invalid(
                f"base_url is missing: {provider.value} has no address of its own.",
                code="base_url_missing",
                details={"provider": provider.value},
            )
        return DEFAULT_BASE_URLS[provider]
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Invalid("base_url is not a web address.", code="bad_base_url") from None
    _check(text, parts)
    host = f"[{host}]" if host and ":" in host else host
    standard = {"http": 80, "https": 443}[parts.scheme]
    netloc = f"{host}:{port}" if port not in {None, standard} else f"{host}"
    path = parts.path.rstrip("/")
    for ending in _ADDED_BY_GATEWAY[provider]:
        path = path.removesuffix(ending).rstrip("/")
    return urlunsplit((parts.scheme, netloc, path, "", ""))


def _check(text: str, parts: SplitResult) -> None:
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid("base_url must start with http:// or https:// and name a host.", code="bad_base_url")
    if parts.username is not None or parts.password is not None:
        raise Invalid(
            "base_url must not contain a user name or password: put the key in api_key.",
            code="base_url_with_password",
        )
    if parts.query or parts.fragment:
        raise Invalid(
            "base_url must end with its path: no ? and no #. A key belongs in api_key.",
            code="base_url_with_query",
        )
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Invalid("base_url has characters that a web address cannot have.", code="bad_base_url")


def list_url(config: ProviderConfig) -> str:
    """Where this provider lists its models."""
    base = config.base_url
    match config.provider:
        case Provider.ANTHROPIC:
            return f"{base}/v1/models?limit=1000"
        case Provider.GEMINI:
            return f"{base}/v1beta/models?pageSize=1000"
        case Provider.AZURE_OPENAI if config.api_version:
            return f"{base}/openai/models?api-version={config.api_version}"
        case Provider.AZURE_OPENAI:
            return f"{base}/openai/v1/models"
        case _:
            return f"{base}/models"


def credentials(config: ProviderConfig) -> dict[str, str]:
    """The headers in which this provider wants its key, and the configured ones."""
    headers = dict(config.headers)
    key = config.api_key
    match config.provider:
        case Provider.ANTHROPIC:
            headers.setdefault("anthropic-version", "2023-06-01")
            if key:
                headers["x-api-key"] = key
        case Provider.GEMINI:
            if key:
                headers["x-goog-api-key"] = key
        case Provider.AZURE_OPENAI:
            if key:
                headers["api-key"] = key
        case _:
            if key:
                headers["authorization"] = f"Bearer {key}"
    return headers
