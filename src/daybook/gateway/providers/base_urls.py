"""Base URLs of providers, in one spelling each."""

from urllib.parse import SplitResult, urlsplit, urlunsplit

from daybook.gateway.providers.provider import Provider
from daybook.kit.errors import Invalid


def normalised_base_url(provider: Provider, text: str | None) -> str:
    """Return `text` as a base URL of `provider`, or the provider's own if there is no text.

    Raises `Invalid` for anything but a plain http(s) address, without repeating it: it may hold a password.
    """
    text = (text or "").strip()
    if not text:
        if provider.default_base_url is None:
            raise Invalid(
                f"base_url is missing: {provider.name} has no address of its own.",
                code="base_url_missing",
                details={"provider": provider.name},
            )
        return provider.default_base_url
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
    for ending in provider.added_paths:
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
