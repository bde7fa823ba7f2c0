"""What `daybook run` shows, where the real run in test_run.py does not go."""

import ast
import shlex

from daybook.launcher.address import url_of
from daybook.launcher.credentials import Credentials
from daybook.launcher.greeting import curl_line, greeting, python_program

URL = "http://127.0.0.1:8400"
KEPT = Credentials(URL, "admin", "secret-word", "code-1")


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


def test_without_a_model_it_says_how_to_get_one():
    text = greeting(URL, KEPT, None, path="credentials.json", note="add a provider")
    assert "add a provider" in text
    assert "curl" not in text


def test_without_credentials_it_says_how_to_set_a_password():
    assert "user password" in greeting(URL, None, None, path="credentials.json", note="")


def test_credentials_do_not_show_in_a_repr():
    assert "secret-word" not in repr(KEPT)
    assert "code-1" not in repr(KEPT)


def test_addresses_that_mean_everywhere_are_shown_as_this_machine():
    assert url_of("0.0.0.0", 8400) == "http://127.0.0.1:8400"
    assert url_of("::", 8400) == "http://[::1]:8400"
    assert url_of("192.0.2.7", 80) == "http://192.0.2.7:80"
