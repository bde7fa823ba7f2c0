"""Sources of settings, and messages for missing ones."""

import json
import subprocess
import sys
import types

import pytest

import llm_tracker
from llm_tracker.llm_service import get_llm_service
from llm_tracker.llm_tracker import LLMTracker
from llm_tracker.settings import database_url

KEY = "sk-a-key-that-nobody-may-see-0123456789"
MESSAGES = [{"role": "user", "content": "Say hello."}]


@pytest.fixture
def django(monkeypatch):
    """A stand-in for a loaded Django project."""
    module = types.ModuleType("django.conf")
    module.settings = types.SimpleNamespace(configured=True)
    monkeypatch.setitem(sys.modules, "django.conf", module)
    return module.settings


@pytest.mark.parametrize(
    ("provider", "config", "missing"),
    [
        ("openai", {}, "OPENAI_CONFIG['api_key']"),
        ("openai", {"api_key": " "}, "OPENAI_CONFIG['api_key']"),
        ("azure_openai", {"api_base": "https://x"}, "AZURE_OPENAI_CONFIG['api_key']"),
        ("azure_openai", {"api_key": KEY}, "AZURE_OPENAI_CONFIG['api_base']"),
        ("gemini", {"model": "gemini-2.5-pro"}, "GEMINI_CONFIG['api_key']"),
        ("openai_compatible", {"model": "m"}, "OPENAI_COMPATIBLE_CONFIG['api_base']"),
    ],
)
def test_a_missing_key_is_named(clean, provider, config, missing):
    llm_tracker.configure(**{"LLM_PROVIDER": provider, missing.partition("[")[0]: config})
    with pytest.raises(ValueError, match=r"is missing") as caught:
        get_llm_service()
    assert str(caught.value).startswith(missing)
    assert KEY not in str(caught.value)
    with pytest.raises(ValueError, match=r"is missing"):
        LLMTracker.call_and_track(MESSAGES)
    assert list(clean.iterdir()) == []


@pytest.mark.parametrize("provider", ["openai", "azure_openai", "gemini", "openai_compatible"])
def test_nothing_configured_names_the_first_thing_to_set(clean, monkeypatch, provider):
    monkeypatch.setenv("LLM_PROVIDER", provider)
    with pytest.raises(ValueError, match=r"_CONFIG\['api_(key|base)'\] is missing"):
        get_llm_service()


def test_an_unknown_provider_is_told_which_there_are(clean):
    llm_tracker.configure(LLM_PROVIDER="openia")
    with pytest.raises(ValueError, match=r"LLM_PROVIDER must be one of openai, azure_openai, gemini, "):
        get_llm_service()


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("not json", "OPENAI_CONFIG"),
        ("[1]", "OPENAI_CONFIG"),
        ({"api_key": 5}, r"OPENAI_CONFIG\['api_key'\]"),
        ({"api_key": KEY, "max_tokens": "many"}, r"OPENAI_CONFIG\['max_tokens'\]"),
        ({"api_key": KEY, "max_tokens": 0}, r"OPENAI_CONFIG\['max_tokens'\]"),
        ({"api_key": KEY, "temperature": True}, r"OPENAI_CONFIG\['temperature'\]"),
        ({"api_key": KEY, "max_retries": 1.5}, r"OPENAI_CONFIG\['max_retries'\]"),
        ({"api_key": KEY, "default_headers": "x"}, r"OPENAI_CONFIG\['default_headers'\]"),
        ({"api_key": KEY, "timeout": 0}, r"OPENAI_CONFIG\['timeout'\]"),
        ({"api_key": KEY, "timeout": 1e300}, r"OPENAI_CONFIG\['timeout'\]"),
        ({"api_key": KEY + "é"}, r"OPENAI_CONFIG\['api_key'\]"),
        ({"api_key": KEY + "\n" + KEY}, r"OPENAI_CONFIG\['api_key'\]"),
        ({"api_key": KEY, "api_base": "127.0.0.1:11434/v1"}, r"OPENAI_CONFIG\['api_base'\]"),
        ({"api_key": KEY, "api_base": "localhost/v1"}, r"OPENAI_CONFIG\['api_base'\]"),
        ({"api_key": KEY, "api_base": "http://"}, r"OPENAI_CONFIG\['api_base'\]"),
        ({"api_key": KEY, "api_base": "http://x:port/v1"}, r"OPENAI_CONFIG\['api_base'\]"),
        ({"api_key": KEY, "api_base": "ftp://x/v1"}, r"OPENAI_CONFIG\['api_base'\]"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(clean, config, named):
    llm_tracker.configure(OPENAI_CONFIG=config)
    with pytest.raises(ValueError, match=named) as caught:
        get_llm_service()
    assert KEY not in str(caught.value)


def test_what_is_configured_goes_before_django_and_django_before_the_environment(clean, django, monkeypatch):
    def model():
        return get_llm_service().config.model

    monkeypatch.setenv("OPENAI_CONFIG", json.dumps({"api_key": KEY, "model": "from-environment"}))
    assert model() == "from-environment"
    django.OPENAI_CONFIG = {"api_key": KEY, "model": "from-django"}
    assert model() == "from-django"
    llm_tracker.configure(OPENAI_CONFIG={"api_key": KEY, "model": "from-configure"})
    assert model() == "from-configure"
    llm_tracker.configure(OPENAI_CONFIG=None)
    assert model() == "from-django"
    django.configured = False
    assert model() == "from-environment"


def test_plain_variables_of_the_sdks_are_read_last(clean, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert get_llm_service().config.api_base == "http://127.0.0.1:9/v1"
    llm_tracker.configure(OPENAI_CONFIG={"model": "m"})
    with pytest.raises(ValueError, match="api_key"):
        get_llm_service()


def test_a_setting_that_does_not_exist_is_refused(clean):
    with pytest.raises(ValueError, match="OPENAI_CONFG is not a setting"):
        llm_tracker.configure(OPENAI_CONFG={})


def test_short_and_small_names_and_a_mapping_are_taken(clean):
    llm_tracker.configure({"llm_provider": "gemini"}, database_url="sqlite:///x.db")
    llm_tracker.configure(gemini_config={"api_key": KEY})
    assert get_llm_service().config.provider == "gemini"
    assert database_url() == "sqlite:///x.db"


def test_the_database_is_a_file_in_the_working_directory_unless_told(ledger):
    LLMTracker.call_and_track(MESSAGES)
    assert ledger.path.exists()
    llm_tracker.configure(LLM_TRACKER_DATABASE_URL=ledger.path.with_name("other.db"))
    LLMTracker.call_and_track(MESSAGES)
    assert ledger.path.with_name("other.db").exists()
    assert len(ledger.rows()) == 1


@pytest.mark.parametrize(
    "url", ["", "calls.db", "mysql://u:geheim@h/d", "postgresql+pg8000://u:geheim@h/d", "://geheim@"]
)
def test_a_bad_database_url_is_an_error_without_its_password(ledger, chat_server, url):
    llm_tracker.configure(LLM_TRACKER_DATABASE_URL=url)
    with pytest.raises(ValueError, match="LLM_TRACKER_DATABASE_URL") as caught:
        LLMTracker.call_and_track(MESSAGES)
    assert "geheim" not in str(caught.value)
    assert chat_server.requests == []


def test_no_key_in_a_repr(clean):
    llm_tracker.configure(
        OPENAI_CONFIG={
            "api_key": KEY,
            "api_base": "http://me:geheim@127.0.0.1:9/v1",
            "default_headers": {"x-api-key": KEY},
        }
    )
    service = get_llm_service()
    shown = f"{service!r} {service.config!r} {service} {vars(service)}"
    assert KEY not in shown
    assert "geheim" not in shown


def test_importing_the_library_loads_neither_sdk_nor_database_nor_django(clean):
    program = (
        "import sys, llm_tracker; from llm_tracker.llm_tracker import LLMTracker; "
        "from llm_tracker.llm_service import get_llm_service; llm_tracker.configure(LLM_PROVIDER='openai'); "
        "print({'openai', 'sqlalchemy', 'django', 'rs_bpe', 'genai_prices'}.intersection(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
