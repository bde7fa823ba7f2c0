"""The startup message in the cases that test_run.py does not reach."""

import ast
import shlex

import pytest

from daybook.launcher.address import url_of
from daybook.launcher.credentials import Credentials
from daybook.launcher.startup_message import curl_line, python_program, startup_message
from daybook.launcher.startup_summary import StartupSummary

URL = "http://127.0.0.1:8400"
KEPT = Credentials(URL, "admin", "secret-word", "code-1")


def shown(summary, credentials=KEPT):
    return startup_message(URL, credentials, summary, path="credentials.json", demo="the demo's label")


def test_the_program_is_six_lines_of_python():
    program = python_program(URL, "code", 'a "quoted" model')
    assert len(program.splitlines()) == 6
    ast.parse(program)


def test_the_curl_line_is_one_line_that_a_shell_takes_whole():
    line = curl_line(URL, "code", "it's")
    assert "\n" not in line
    words = shlex.split(line)
    assert words[1] == f"{URL}/v1/chat/completions"
    assert '"it\'s"' in words[-1]


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("demo", "Ask a model (the demo's label)"),
        ("local", "Ask a model (from DAYBOOK_MODEL_URL)"),
        ("openai", "Ask a model (of the provider openai)"),
    ],
)
def test_it_says_whose_model_it_is(provider, words):
    assert words in shown(StartupSummary(model="m", provider=provider))


def test_without_a_provider_it_says_how_to_get_one():
    text = shown(StartupSummary())
    assert "No model can be called yet" in text
    assert "config set" in text
    assert "curl" not in text


def test_where_no_model_is_named_in_full_it_says_where_they_are_listed():
    text = shown(StartupSummary(provider="openai"))
    assert "of the provider openai" in text
    assert f"{URL}/v1/models" in text
    assert "curl" not in text


def test_without_credentials_it_says_how_to_set_a_password():
    assert "user password" in shown(StartupSummary(), None)


def test_a_password_that_was_changed_is_not_shown_as_if_it_opened_anything():
    text = shown(StartupSummary(password_holds=False, model="m", provider="demo"))
    assert "secret-word" not in text
    assert "user password admin" in text
    assert 'api_key="code-1"' in text


def test_a_code_that_was_revoked_is_not_given_to_paste():
    text = shown(StartupSummary(code_holds=False))
    assert "code-1" not in text
    assert "code add" in text
    assert "secret-word" in text


def test_a_summary_survives_its_line():
    summary = StartupSummary(password_holds=False, code_holds=True, model='ü "m"', provider="demo")
    assert StartupSummary.from_line(summary.to_line()) == summary
    assert "\n" not in summary.to_line()


@pytest.mark.parametrize("line", ["", "some warning", "[1]", "null", '{"other": 1}'])
def test_where_nothing_is_known_nothing_is_said_to_have_changed(line):
    assert StartupSummary.from_line(line) == StartupSummary()


def test_credentials_do_not_show_in_a_repr():
    assert "secret-word" not in repr(KEPT)
    assert "code-1" not in repr(KEPT)


def test_addresses_that_mean_everywhere_are_shown_as_this_machine():
    assert url_of("0.0.0.0", 8400) == "http://127.0.0.1:8400"
    assert url_of("::", 8400) == "http://[::1]:8400"
    assert url_of("192.0.2.7", 80) == "http://192.0.2.7:80"
