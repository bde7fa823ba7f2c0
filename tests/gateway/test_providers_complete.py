"""Every provider answers every question that the gateway asks of one."""

from urllib.parse import urlsplit

import pytest

from daybook.gateway.apis.table import APIS, leading
from daybook.gateway.providers.base_urls import normalised_base_url
from daybook.gateway.providers.kinds import PROVIDERS
from support.sources.documents import ROOT

BASE = "http://127.0.0.1:9/base"
KEY = "k-1"

WIRE = [
    ("openai", "chat/completions", "/chat/completions", {"authorization"}),
    ("openai", "responses", "/responses", {"authorization"}),
    ("anthropic", "messages", "/v1/messages", {"x-api-key"}),
    ("anthropic", "chat/completions", "/v1/chat/completions", {"authorization", "x-api-key"}),
    ("gemini", "generateContent", "/v1beta/models/m:generateContent", {"x-goog-api-key"}),
    ("gemini", "embeddings", "/v1beta/openai/embeddings", {"authorization", "x-goog-api-key"}),
    ("azure_openai", "chat/completions", "/openai/v1/chat/completions", {"api-key"}),
    ("openai_compatible", "chat/completions", "/chat/completions", {"authorization"}),
    ("openai_compatible", "messages", "/messages", {"authorization", "x-api-key"}),
]
"""A provider, an API, its path and the headers of the key."""


@pytest.fixture(params=list(PROVIDERS))
def provider(request):
    """Each of them."""
    return PROVIDERS[request.param]


def test_it_has_a_file_and_names(provider):
    kinds = ROOT / "src/daybook/gateway/providers/kinds"

    assert f'name = "{provider.name}"' in (kinds / f"{provider.name}.py").read_text()
    assert {one.stem for one in kinds.glob("*.py")} == {*PROVIDERS, "__init__"}
    assert len({one.label for one in PROVIDERS.values()}) == len(PROVIDERS)
    assert provider.label
    assert provider.max_tokens_field
    assert provider.name in {name for name, *_ in WIRE}


def test_its_address_has_no_path_that_the_gateway_adds(provider):
    for added in provider.added_paths:
        assert normalised_base_url(provider, BASE + added) == BASE
    if provider.default_base_url is not None:
        assert normalised_base_url(provider, None) == provider.default_base_url
        assert normalised_base_url(provider, provider.default_base_url) == provider.default_base_url


def test_each_of_its_apis_has_a_url_and_a_key(provider):
    answered = [api for api in APIS if provider.answers(api)]
    assert answered
    for api in answered:
        url = provider.url(BASE, api, "m", None)
        assert url.startswith(f"{BASE}/")
        assert api.tail in urlsplit(url).path
        assert any(KEY in value for value in provider.auth_headers(KEY, api).values())
        assert all(name == name.lower() for name in provider.headers(api))


@pytest.mark.parametrize(("name", "tail", "path", "headers"), WIRE)
def test_its_apis_are_where_it_has_them(name, tail, path, headers):
    provider = PROVIDERS[name]
    api = next(one for one in APIS if one.tail == tail)

    assert provider.answers(api)
    assert provider.url(BASE, api, "m", None) == BASE + path
    assert set(provider.auth_headers(KEY, api)) == headers


def test_it_can_be_probed(provider):
    assert provider.list_url(BASE, None).startswith(f"{BASE}/")
    assert any(KEY in value for value in provider.auth_headers(KEY, None).values())
    assert provider.listed_models({"data": [{"id": "m"}], "models": [{"name": "models/m"}]}) == ("m",)
    for strange in (None, [], "x", {"data": "x", "models": 1}):
        assert provider.listed_models(strange) is None
    assert provider.refuses_key(401, None)
    assert not provider.refuses_key(500, None)


def test_a_version_that_azure_asks_for_is_in_its_urls():
    azure = PROVIDERS["azure_openai"]
    chat = leading(APIS[0].family)

    assert (
        azure.url(BASE, chat, "my model", "2024-10-21")
        == f"{BASE}/openai/deployments/my%20model/chat/completions?api-version=2024-10-21"
    )
    assert azure.list_url(BASE, "2024-10-21") == f"{BASE}/openai/models?api-version=2024-10-21"
