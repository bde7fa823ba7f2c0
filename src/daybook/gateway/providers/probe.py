"""A small real request to a provider, to test its address and key and to read its list of models.

The provider's own words are never repeated: some quote the key in their errors.
"""

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from daybook.gateway.providers.config import ProviderConfig
from daybook.gateway.providers.schemas import Finding, ProbeResponse
from daybook.kit.errors import Specifics

SECONDS = 15
BYTES_MAX = 8 * 2**20


async def probe(config: ProviderConfig) -> ProbeResponse:
    """Request the provider's list of models and report the result. Raises nothing."""
    started = time.monotonic()
    if config.key_unreadable:
        words = "The key cannot be read with this server's secret: enter it again."
        found = _Found("key_unreadable", words, reachable=False)
    else:
        found = await _ask(config)
    return ProbeResponse(
        ok=found.ok,
        reachable=found.reachable,
        key_accepted=found.key_accepted,
        models=None if found.models is None else len(found.models),
        missing_models=_missing(config, found.models),
        finding=found.finding,
        message=found.message,
        details={"place": _place(config), **found.details},
        duration_ms=round((time.monotonic() - started) * 1000),
    )


async def listed_models(config: ProviderConfig) -> tuple[str, ...] | None:
    """Return the models that the provider lists; None if it gives no list."""
    return (await _ask(config)).models


@dataclass(frozen=True, slots=True)
class _Found:
    finding: Finding
    message: str
    details: Specifics = field(default_factory=dict[str, str | int | float])
    ok: bool = False
    reachable: bool = True
    key_accepted: bool | None = None
    models: tuple[str, ...] | None = None


async def _ask(config: ProviderConfig) -> _Found:
    place = _place(config)
    timeout = aiohttp.ClientTimeout(total=SECONDS, sock_connect=min(SECONDS, config.connect_timeout))
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as client,
            client.get(_list_url(config), headers=_headers(config), allow_redirects=False) as answer,
        ):
            body = await _read(answer)
            return _judge(config, place, answer.status, body)
    except TimeoutError:
        words = f"{place} did not answer within {SECONDS} seconds."
        return _Found("silent", words, {"seconds": SECONDS}, reachable=False)
    except aiohttp.ClientConnectorCertificateError:
        return _Found("untrusted", f"{place} has a certificate that is not trusted here.", reachable=False)
    except aiohttp.ClientConnectorDNSError:
        return _Found("no_host", f"There is no host of that name: {place}. Check base_url.", reachable=False)
    except aiohttp.ClientConnectorError:
        words = f"Nothing accepts connections at {place}. Is it running? Check base_url."
        return _Found("nobody_there", words, reachable=False)
    except (aiohttp.ClientError, asyncio.IncompleteReadError, ValueError, OSError):
        words = f"{place} answered with something that is not HTTP, or broke off. Check base_url."
        return _Found("not_http", words)


def _list_url(config: ProviderConfig) -> str:
    return config.provider.list_url(config.base_url, config.api_version)


def _headers(config: ProviderConfig) -> dict[str, str]:
    provider = config.provider
    headers = {**provider.headers(None), **dict(config.headers)}
    return {**headers, **provider.auth_headers(config.api_key, None)} if config.api_key else headers


def _place(config: ProviderConfig) -> str:
    return urlsplit(config.base_url).netloc


async def _read(answer: aiohttp.ClientResponse) -> Any:
    """Return the answer's JSON; None if it is none, or too large."""
    received = bytearray()
    async for part in answer.content.iter_chunked(64 * 1024):
        received += part
        if len(received) > BYTES_MAX:
            return None
    try:
        return orjson.loads(received)
    except orjson.JSONDecodeError:
        return None


def _judge(config: ProviderConfig, place: str, status: int, body: Any) -> _Found:
    models = config.provider.listed_models(body) if status == 200 else None  # noqa: PLR2004  (HTTP's own number)
    if models is not None:
        key = "The key is accepted. " if config.api_key else "It wants no key. "
        return _Found(
            "key_accepted" if config.api_key else "no_key_wanted",
            f"{place} answers. {key}It lists {len(models)} model{'' if len(models) == 1 else 's'}.",
            {"count": len(models)},
            ok=True,
            key_accepted=True if config.api_key else None,
            models=models,
        )
    if config.provider.refuses_key(status, body):
        problem = "refuses the key" if config.api_key else "wants a key"
        return _Found(
            "key_refused" if config.api_key else "key_wanted",
            f"{place} answers and {problem} (HTTP {status}).",
            {"status": status},
            key_accepted=False,
        )
    problem = _problem(config, status)
    words = f"{place} answers, but {problem.message} (HTTP {status})."
    return replace(problem, message=words, details={"status": status})


def _problem(config: ProviderConfig, status: int) -> _Found:
    """Return the finding for a status without a list of models and without a refused key."""
    match status:
        case 404:
            words = "has no list of models there: check the path of base_url"
            if config.base_url.endswith("/v1"):
                return _Found("no_list", words)
            return _Found("no_list_v1", f"{words}; most servers want it to end with /v1")
        case 429:
            return _Found("asks_to_wait", "asks to wait: its rate or its quota is used up")
        case _ if 300 <= status < 400:  # noqa: PLR2004  (HTTP's own numbers, here and below)
            return _Found("elsewhere", "sends the request elsewhere: set base_url to the final address")
        case _ if status >= 500:  # noqa: PLR2004
            return _Found("failing", "has a failure of its own: try again later")
        case _:
            return _Found("no_models", "not with a list of models: check base_url and provider")


def _missing(config: ProviderConfig, models: tuple[str, ...] | None) -> list[str]:
    if models is None or not config.provider.lists_called_names:
        return []
    return [name for name in config.exact_models if name not in models]
