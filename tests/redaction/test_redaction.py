"""The values of `DAYBOOK_REDACT`: secrets and content that they remove from everything written."""

import itertools
import json
import re
import time

import pytest

from daybook.accounts.codes import new_code
from daybook.redaction import Redact, redact_bytes, redact_error, redact_json, redact_name, secrets
from llm_tracker.usage import UsageReader, usage_from_response
from support.gateway.recorded import FILE, recorded
from support.gateway.transcripts import redacted
from support.sources.documents import HOWTO, code, rows

OFF, SECRETS, CONTENT = Redact.OFF, Redact.SECRETS, Redact.CONTENT
CHAT = "chat.completions"
HEX = "0123456789abcdef"
WORD = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5"  # letters and digits as keys have them
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7x\n+/9k=\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"

SAMPLES = {
    f"sk-{WORD}": "API key",
    f"sk-ant-api03-{WORD}-{WORD}": "API key",
    f"sk_live_{WORD}": "API key",
    f"gsk_{WORD}": "API key",
    f"xai-{WORD}": "API key",
    f"hf_{WORD}": "API key",
    f"AIza{WORD[:35]}": "Google key",
    f"ya29.{WORD}": "Google key",
    f"ghp_{WORD}": "GitHub token",
    f"github_pat_{WORD}_{WORD}": "GitHub token",
    f"glpat-{WORD}": "GitLab token",
    f"xoxb-123456789012-{WORD}": "Slack token",
    f"npm_{WORD}": "package registry token",
    f"pypi-{WORD}{WORD}": "package registry token",
    "AKIAIOSFODNN7EXAMPLE": "AWS key",
    f"SG.{WORD}.{WORD}": "SendGrid key",
    JWT: "JWT",
    PEM: "private key",
    new_code()[0]: "activation code",
}
ASSIGNED = [
    "password=hunter22",
    "PASSWORD: hunter22",
    'DB_PASSWORD="hunter22"',
    "passwd => hunter22",
    "api_key=hunter22",
    "apiKey: 'hunter22'",
    "client_secret = hunter22",
    "aws_secret_access_key = hunter22",
    "access_token: hunter22",
    '{"secret": "hunter22"}',
    '{\\"api_key\\": \\"hunter22\\"}',
    "postgresql://ana:hunter22@db.example/ledger",
    "Authorization: Bearer hunter22-hunter22.hunter22==",
]
INNOCENT = [
    "max_tokens: 500, total_tokens=1234567, completion_tokens: 12",
    "use sk-learn, or scikit-learn-extra-packages-for-python",
    "the password is not here; what is a secret?",
    "password = getpass.getpass()",
    "api_key=os.environ['KEY']",
    '{"password": {"type": "string"}, "secret": null}',
    "def login(password: str, token: int) -> None:",
    "https://example.org:8080/a@b and mailto:ana@example.org",
    "0190c1b2-aaaa-7000-8000-000000000000 chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "desk-" + WORD,
]


def chat(text, **more):
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], **more}).encode()


def chunks(texts, index=0):
    return [
        b"data: "
        + json.dumps({"id": "c1", "choices": [{"index": index, "delta": {"content": text}}]}).encode()
        + b"\n\n"
        for text in texts
    ]


def said(stream):
    """The texts of a chat stream's whole events, together, of each answer in it."""
    answers = {}
    for event in stream.decode().split("\n\n"):
        if event.startswith("data: {") and event.endswith("}"):
            for choice in json.loads(event[6:])["choices"]:
                answers[choice["index"]] = answers.get(choice["index"], "") + choice["delta"]["content"]
    return answers


def cut_into(text, size):
    return [text[start : start + size] for start in range(0, len(text), size)]


# secrets


@pytest.mark.parametrize("secret", SAMPLES, ids=SAMPLES.get)
@pytest.mark.parametrize(
    "around", ["{}", "use {}, please", "你好{}。", "line\n{}\nline", '"{}"', "({})", "a={};"]
)
def test_a_secret_is_replaced_and_all_around_it_stays(secret, around):
    body = chat(around.format(secret), temperature=0.5)
    clean = json.loads(redact_bytes(SECRETS, body))
    assert clean == {
        "model": "m",
        "messages": [{"role": "user", "content": around.format(f"[redacted: {SAMPLES[secret]}]")}],
        "temperature": 0.5,
    }


@pytest.mark.parametrize("text", ASSIGNED)
def test_what_a_name_announces_is_replaced(text):
    clean = json.loads(redact_bytes(SECRETS, chat(text)))["messages"][0]["content"]
    assert "hunter22" not in clean
    assert "[redacted: " in clean
    assert clean.startswith(re.split("hunter22", text)[0])


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays_as_it_is(text):
    body = chat(text)
    assert redact_bytes(SECRETS, body) is body


def test_fields_that_are_named_for_secrets_lose_their_values():
    value = {"args": {"password": "x", "pin": 1234, "api_key": 123456, "nested": [{"client-secret": "y"}]}}
    assert redact_json(SECRETS, value) == {
        "args": {
            "password": "[redacted: password]",
            "pin": 1234,
            "api_key": "[redacted: password]",
            "nested": [{"client-secret": "[redacted: password]"}],
        }
    }
    assert value["args"]["password"] == "x"


def test_a_secret_that_is_written_with_escapes_is_found():
    key = f"sk-{WORD}"
    body = b'{"a": "' + b"".join(f"\\u{ord(letter):04x}".encode() for letter in key) + b'"}'
    assert json.loads(redact_bytes(SECRETS, body)) == {"a": "[redacted: API key]"}


def test_what_is_no_json_is_looked_at_as_text():
    form = f'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nsk-{WORD}\r\n--x--\r\n\xff'.encode(
        "latin-1"
    )
    clean = redact_bytes(SECRETS, form)
    assert clean == form.replace(f"sk-{WORD}".encode(), b"[redacted: API key]")
    cut = chat(f"first\nsk-{WORD} and 你")[:-6]
    assert WORD.encode() not in redact_bytes(SECRETS, cut)


@pytest.mark.parametrize("secret", [*SAMPLES, "password: hunter22hunter22"], ids=SAMPLES.get)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_secret_that_is_spread_over_a_stream_is_replaced(secret, size):
    stream = b"".join(chunks(cut_into(f"It is\n{secret} indeed.", size))) + b"data: [DONE]\n\n"
    clean = redacted(CHAT, SECRETS, stream)
    kind = SAMPLES.get(secret)
    assert said(clean) == {
        0: f"It is\n{f'[redacted: {kind}]' if kind else 'password: [redacted: password]'} indeed."
    }
    assert clean.endswith(b"data: [DONE]\n\n")


def test_interleaved_answers_are_joined_each_by_itself():
    two = [chunks(cut_into(f"key sk-{WORD} end", 3), index) for index in (0, 1)]
    clean = redacted(CHAT, SECRETS, b"".join(itertools.chain(*zip(*two, strict=True))))
    assert said(clean) == dict.fromkeys((0, 1), "key [redacted: API key] end")


FIRST, SECOND = '"x sk-aB3dE5gH"', '"7jK9mN1pQ3sT5v"'
OLLAMA = '{"message":{"content":%s}}\n'
GEMINI = '{"candidates":[{"content":{"parts":[{"text":%s}]}}]}'
ANTHROPIC = 'event: content_block_delta\ndata: {"index":0,"delta":{"type":"text_delta","text":%s}}\n\n'
RESPONSES = 'data: {"type":"response.output_text.delta","delta":%s}\r\n\r\n'
RESPONSES_DONE = 'data: {"type":"response.output_text.done","text":"x sk-aB3dE5gH7jK9mN1pQ3sT5v"}\r\n\r\n'
STREAMS = {
    "ollama.chat": OLLAMA % FIRST + OLLAMA % SECOND + '{"done":true}\n',
    "streamGenerateContent": f"[{GEMINI % FIRST}\n,\r\n{GEMINI % SECOND}]",
    "messages": ANTHROPIC % FIRST + ANTHROPIC % SECOND,
    "responses": RESPONSES % FIRST + RESPONSES % SECOND + RESPONSES_DONE,
}


@pytest.mark.parametrize("api", STREAMS)
def test_streams_of_every_kind(api):
    stream = STREAMS[api].encode()
    clean = redacted(api, SECRETS, stream)
    assert b"[redacted: API key]" in clean
    assert b"aB3dE5gH" not in clean
    assert b"7jK9mN1pQ3sT5v" not in clean
    assert clean.count(b"\n") == stream.count(b"\n")
    lines = [clean] if clean.startswith(b"[") else clean.replace(b"data: ", b"").splitlines()
    assert all(json.loads(line) for line in lines if line[:1] in {b"[", b"{"})


def test_a_stream_that_breaks_off_anywhere_leaves_no_more_than_a_scrap_of_a_secret():
    stream = b"".join(chunks(cut_into(f"It is sk-{WORD} indeed.", 2)))
    for end in range(len(stream)):
        texts = re.findall(r'"content": "([^"]*)', redacted(CHAT, SECRETS, stream[:end]).decode())
        assert WORD[:6] not in "".join(texts), end


def test_every_kind_of_secret_is_documented():
    documented = {code(cells[0]) for cells in rows((HOWTO / "redaction.md").read_text()) if len(cells) == 2}
    assert documented - {str(mode) for mode in Redact} == {form.kind for form in secrets.FORMS}


# off


def test_nothing_changes_where_redaction_is_off_but_activation_codes():
    body = chat(f"sk-{WORD} {PEM} password=hunter22")
    assert redact_bytes(OFF, body) is body
    assert redact_bytes(OFF, b"daybook_demo") == b"daybook_demo"
    activation_code = new_code()[0]
    assert json.loads(redact_bytes(OFF, chat(activation_code)))["messages"][0]["content"] == (
        "[redacted: activation code]"
    )


def test_an_activation_code_is_replaced_wherever_it_is():
    code = new_code()[0]
    marked = "[redacted: activation code]"
    assert redact_error(OFF, f"There is no model '{code}'.") == f"There is no model '{marked}'."
    assert redact_json(OFF, {"note": [code], "n": 1}) == {"note": [marked], "n": 1}
    huge = {"n": 2**70, "text": "\ud800"}
    assert redact_json(OFF, huge) is huge
    for mode in Redact:
        assert redact_name(mode, f"openai/{code}") == f"openai/{marked}"


def test_a_key_that_is_named_as_the_model_is_replaced_and_models_are_not():
    names = (
        "gpt-4o",
        "ft:gpt-4o-mini:my-org::8Hk2Jd9s",
        "accounts/fireworks/models/llama-v3p1-405b-instruct",
        "hf_x",
    )
    for mode in (SECRETS, CONTENT):
        assert redact_name(mode, f"sk-{WORD}") == "[redacted: API key]"
        assert [redact_name(mode, name) for name in names] == list(names)


# content


def test_only_the_shape_is_left_of_what_was_said():
    request = {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "my illness"}]},
            {
                "role": "assistant",
                "tool_calls": [{"id": "call_1", "function": {"name": "f", "arguments": "{}"}}],
            },
        ],
        "tools": [
            {"type": "function", "function": {"name": "look", "parameters": {"properties": {"illness": {}}}}}
        ],
        "temperature": 0.5,
        "stream": True,
        "metadata": {"patient": "Ana"},
        "input": [1, 2, 3],
    }
    assert json.loads(redact_bytes(CONTENT, json.dumps(request).encode())) == {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "[redacted: 8 characters]"},
            {"role": "user", "content": [{"type": "text", "text": "[redacted: 10 characters]"}]},
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "function": {
                            "name": "[redacted: 1 characters]",
                            "arguments": "[redacted: 2 characters]",
                        },
                    }
                ],
            },
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "[redacted: 4 characters]", "parameters": "[redacted: 1 fields]"},
            }
        ],
        "temperature": 0.5,
        "stream": True,
        "metadata": "[redacted: 1 fields]",
        "input": ["[redacted: 3 numbers]"],
    }


def test_what_a_tool_is_given_and_gives_is_dropped_whole():
    used = {"type": "tool_use", "id": "t_1", "name": "f", "input": {"illness": "flu", "days": 3}}
    assert redact_json(CONTENT, used) == {
        "type": "tool_use",
        "id": "t_1",
        "name": "[redacted: 1 characters]",
        "input": "[redacted: 2 fields]",
    }
    given = {"functionResponse": {"name": "f", "response": {"illness": 1}}, "embedding": [0.1, 0.2]}
    assert redact_json(CONTENT, given) == {
        "functionResponse": "[redacted: 2 fields]",
        "embedding": "[redacted: 2 items]",
    }


def test_errors_end_where_they_begin_to_quote():
    assert redact_error(CONTENT, "The provider broke off.") == "The provider broke off."
    assert redact_error(CONTENT, "Invalid value: 'my illness'") == "Invalid value[redacted: 14 characters]"
    assert redact_error(SECRETS, f"Incorrect API key provided: sk-{WORD}.").endswith(
        "provided: [redacted: API key]."
    )
    assert redact_error(OFF, "Invalid value: 'x'") == "Invalid value: 'x'"


@pytest.mark.parametrize(
    "body", [b"<html>my illness", b"\xff\xfe my illness", b'{"a": "my illness', b"data: my illness\n\n"]
)
def test_what_cannot_be_read_is_not_kept(body):
    clean = redact_bytes(CONTENT, body)
    assert b"illness" not in clean
    assert b"redacted" in clean


def test_nothing_here_raises():
    deep = json.loads("[" * 900 + "]" * 900)
    odd = [
        b"",
        b" ",
        b"{",
        b"[",
        b"data:",
        b"data: \n\n",
        b"\x00",
        b"[" * 100_000,
        b'"\\ud800 sk-',
        b"{}\n{",
        deep,
    ]
    for mode, body in itertools.product(Redact, odd):
        if isinstance(body, bytes):
            redacted(CHAT, mode, body)
        else:
            redact_json(mode, body)
    assert redact_json(SECRETS, {"\ud800": float("nan"), "a": object()})


def test_hostile_bodies_take_time_by_their_length_only():
    line = b'{"index":1,"text":"abc sk-%s"}' % WORD.encode()
    hostile = [
        b"[" + b",".join([line] * 20_000) + b"]",
        b"[" + b",".join([line] * 20_000),
        b"-----BEGIN PRIVATE KEY-----" * 40_000,
        b"password=hunter22 " * 60_000,
        b"bearer " + b" " * 1_000_000,
        b"eyJaaaaaaaaaaaa." * 70_000,
        b'"text":"\\' * 100_000,
    ]
    started = time.process_time()
    for body in hostile:
        redacted(CHAT, SECRETS, body)
    assert time.process_time() - started < 10  # less than 1 s; quadratic work takes minutes


# what providers and their callers really said


@pytest.mark.skipif(not FILE.exists(), reason="recorded exchanges are not here")
def test_usage_and_shape_of_recorded_exchanges_survive_every_setting():
    read = 0
    for exchange in recorded():
        for mode in Redact:
            clean = redacted(exchange.api, mode, exchange.body)
            if exchange.stream:
                assert clean.count(b"\n") == exchange.body.count(b"\n") or exchange.body.startswith(b"["), (
                    exchange
                )
                usage = _of_stream(exchange.api, clean)
                expected = _of_stream(exchange.api, exchange.body)
            elif exchange.body[:1] in {b"{", b"["}:
                usage = usage_from_response(exchange.api, json.loads(clean))
                expected = usage_from_response(exchange.api, json.loads(exchange.body))
            else:
                continue
            read += usage is not None
            assert _buckets(usage) == _buckets(expected), (mode, exchange)
    assert read > 2000


@pytest.mark.skipif(not FILE.exists(), reason="recorded exchanges are not here")
def test_no_text_of_recorded_exchanges_is_left_with_content():
    texts = 0
    for exchange in recorded():
        for body in (json.dumps(exchange.request).encode(), exchange.body):
            clean = redact_bytes(CONTENT, body).decode()
            for text in re.findall(
                r'"(?:content|text|arguments|thinking|delta)": ?"([^"\\]{16,})"', body.decode()
            ):
                texts += 1
                assert text not in clean, (exchange, text)
    assert texts > 1500


def _of_stream(api, stream):
    reader = UsageReader(api)
    reader.feed(stream)
    return reader.finish()


def _buckets(usage):
    return usage and (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
    )
