"""Transcripts of all recorded exchanges, compared with the providers' own SDKs or a plain reader."""

import json
import random
import warnings
from pathlib import Path

import anthropic
import httpx2
import openai
import pytest
from google import genai

from daybook.gateway.transcript.usage_chunk import UsageChunkFilter
from support.gateway.transcripts import answer_of_body, answer_of_stream, request_parts, stream_end

_FILE = Path(__file__).parents[2].parent / "shared" / "llm" / "recorded.jsonl"
pytestmark = pytest.mark.skipif(not _FILE.exists(), reason="the recorded exchanges are not here")

_ERRORS_IN_STREAMS = {"8e947bc80e736f76", "9e866a6389da0871", "d46e6c7cd7090593"}
_NO_END = {"8e947bc80e736f76", "9e866a6389da0871"}


def _load():
    if not _FILE.exists():
        return []
    with _FILE.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


_EXCHANGES = _load()
_STREAMS = [
    row
    for row in _EXCHANGES
    if row["stream"]
    and row["response"]["body"]
    and row["api"] != "dashscope.generation"  # only its usage is read
]
_WHOLE = [row for row in _EXCHANGES if not row["stream"]]


def _raw(row):
    body = row["response"]["body"]
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def _pieces(raw, row):
    """The bytes, cut at places that are random but the same in every run."""
    chance = random.Random(row["id"])
    at = 0
    while at < len(raw):
        size = chance.choice((1, 2, 3, 7, 30, 200, 5000))
        yield raw[at : at + size]
        at += size


class _Pieces(httpx2.SyncByteStream):
    def __init__(self, row):
        self._row = row

    def __iter__(self):
        return _pieces(_raw(self._row), self._row)


def _client(row):
    """An HTTP client that plays the exchange to an SDK."""
    headers = {"content-type": "text/event-stream"}
    return httpx2.Client(
        transport=httpx2.MockTransport(lambda _: httpx2.Response(200, headers=headers, stream=_Pieces(row)))
    )


def _each(rows):
    """Make one test per API of `check(row)`: it goes through all of `rows` and names those that fail."""

    def one_test_per_api(check):
        @pytest.mark.parametrize("api", sorted({row["api"] for row in rows}))
        def test(api):
            problems = []
            for row in rows:
                if row["api"] == api:
                    try:
                        check(row)
                    except Exception as problem:  # noqa: BLE001  (all that fail are named)
                        problem.add_note(f"exchange {row['id']} with {row['provider']}")
                        problems.append(problem)
            if problems:
                names = ", ".join(problem.__notes__[-1] for problem in problems)
                raise ExceptionGroup(f"{len(problems)} failed: {names}", problems)

        test.__doc__ = check.__doc__
        return test

    return one_test_per_api


def _of(*apis):
    return _each([row for row in _STREAMS if row["api"] in apis])


def _openai(row):
    return openai.OpenAI(
        api_key="none", base_url="http://provider.test/v1", http_client=_client(row), max_retries=0
    )


@_of("chat.completions")
def test_chat_streams_read_as_the_openai_sdk_reads_them(row):
    texts, arguments, names, reasons = {}, {}, {}, {}
    if row["id"] not in _ERRORS_IN_STREAMS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK warns of what providers add
            chunks = list(_openai(row).chat.completions.create(model="m", messages=[], stream=True))
        for chunk in chunks:
            for choice in chunk.choices:
                reasons[choice.index] = choice.finish_reason or reasons.get(choice.index)
                if choice.delta is None:  # Azure's word about its filters
                    continue
                content = choice.delta.content
                if isinstance(content, list):  # Mistral
                    content = "".join(part["text"] for part in content if part["type"] == "text")
                texts[choice.index] = texts.get(choice.index, "") + (content or "")
                for place, call in enumerate(choice.delta.tool_calls or []):
                    key = (choice.index, place if call.index is None else call.index)
                    arguments[key] = arguments.get(key, "") + (call.function.arguments or "")
                    names[key] = names.get(key) or call.function.name
    answer = answer_of_stream(row["api"], _raw(row))
    if row["id"] in _ERRORS_IN_STREAMS:
        assert answer.error
        assert answer.finished == (row["id"] not in _NO_END)
        return
    assert answer.error is None
    assert answer.finished
    assert answer.data["object"] == "chat.completion"
    assert answer.model
    assert (answer.text or "") == "\n\n".join(text for _, text in sorted(texts.items()) if text)
    choices = {choice["index"]: choice for choice in answer.data["choices"]}
    assert {index: choice["finish_reason"] for index, choice in choices.items()} == reasons
    calls = [
        call for _, choice in sorted(choices.items()) for call in choice["message"].get("tool_calls", [])
    ]
    assert [call["function"]["name"] for call in calls] == [names[key] for key in sorted(names)]
    assert [call["function"]["arguments"] for call in calls] == [arguments[key] for key in sorted(arguments)]
    assert all(call["id"] for call in calls)
    if row["usage_raw"]:
        assert answer.data["usage"] or answer.data["x_groq"]["usage"]


@_of("completions")
def test_completion_streams_read_as_the_openai_sdk_reads_them(row):
    chunks = list(_openai(row).completions.create(model="m", prompt="", stream=True))
    answer = answer_of_stream(row["api"], _raw(row))
    assert answer.text == "".join(choice.text for chunk in chunks for choice in chunk.choices)
    assert answer.finished
    assert answer.data["object"] == "text_completion"
    assert answer.data["choices"][0]["finish_reason"] in {"stop", "length"}


@_of("responses")
def test_response_streams_are_the_last_events_response(row):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = list(_openai(row).responses.create(model="m", input="", stream=True))
    last = [
        event.response
        for event in events
        if event.type.startswith("response.") and hasattr(event, "response")
    ][-1]
    answer = answer_of_stream(row["api"], _raw(row))
    assert answer.finished
    assert answer.error is None
    assert (answer.text or "") == last.output_text
    assert answer.data["id"] == last.id
    assert answer.data["usage"]["total_tokens"] == last.usage.total_tokens
    assert [item["type"] for item in answer.data["output"]] == [item.type for item in last.output]


@_of("responses")
def test_a_response_stream_without_its_last_event_is_put_together(row):
    raw = _raw(row)
    cut = max(
        raw.rfind(name) for name in (b"event: response.completed", b'data: {"type":"response.completed"')
    )
    if cut < 0:
        cut = raw.rfind(b"data: ", 0, raw.rfind(b'"response.completed"'))
    whole, answer = answer_of_stream(row["api"], raw), answer_of_stream(row["api"], raw[:cut])
    assert not answer.finished
    assert answer.error is None
    assert answer.text == whole.text
    assert [item["type"] for item in answer.data["output"]] == [item["type"] for item in whole.data["output"]]

    deltas = b"\n\n".join(
        event for event in raw[:cut].replace(b"\r\n", b"\n").split(b"\n\n") if b'.done"' not in event
    )
    answer = answer_of_stream(row["api"], deltas)
    assert answer.text == whole.text
    for mine, theirs in zip(answer.data["output"], whole.data["output"], strict=True):
        assert mine.get("arguments") == theirs.get("arguments")
        assert [part["text"] for part in mine.get("summary") or []] == [
            part["text"] for part in theirs.get("summary") or []
        ]


@_of("messages")
def test_message_streams_are_what_the_anthropic_sdk_accumulates(row):
    client = anthropic.Anthropic(
        api_key="none", base_url="http://provider.test", http_client=_client(row), max_retries=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with client.messages.stream(model="m", max_tokens=1, messages=[]) as stream:
            message = stream.get_final_message()
    answer = answer_of_stream(row["api"], _raw(row))
    assert answer.finished
    assert answer.error is None
    assert answer.model == message.model
    assert (answer.text or "") == "".join(block.text for block in message.content if block.type == "text")
    assert answer.data["stop_reason"] == message.stop_reason
    assert answer.data["usage"]["output_tokens"] == message.usage.output_tokens
    assert len(answer.data["content"]) == len(message.content)
    for mine, theirs in zip(answer.data["content"], message.content, strict=True):
        assert mine["type"] == theirs.type
        for name in ("thinking", "signature", "input", "id", "name"):
            if hasattr(theirs, name):
                assert mine[name] == getattr(theirs, name)
        assert len(mine.get("citations") or []) == len(getattr(theirs, "citations", None) or [])


@_of("streamGenerateContent")
def test_gemini_streams_read_as_the_google_sdk_reads_them(row):
    chunks = _gemini_chunks(row)
    contents = [
        one["content"] for chunk in chunks for one in chunk.get("candidates") or [] if one.get("content")
    ]
    parts = [part for content in contents for part in content.get("parts") or []]
    answer = answer_of_stream(row["api"], _raw(row))
    assert answer.finished
    assert answer.error is None
    assert (answer.text or "") == "".join(part.get("text") or "" for part in parts if not part.get("thought"))
    mine = [part for candidate in answer.data["candidates"] for part in candidate["content"]["parts"]]
    assert "".join(part["text"] for part in mine if part.get("thought")) == "".join(
        part["text"] for part in parts if part.get("thought")
    )
    assert [part["functionCall"]["name"] for part in mine if "functionCall" in part] == [
        part["functionCall"]["name"] for part in parts if part.get("functionCall")
    ]
    assert sum("thoughtSignature" in part for part in mine) == sum(
        "thoughtSignature" in part for part in parts
    )
    assert answer.data["usageMetadata"]["promptTokenCount"] == chunks[-1]["usageMetadata"]["promptTokenCount"]


def _gemini_chunks(row):
    if _raw(row).startswith(b"["):  # a framing that the SDK does not read
        return json.loads(_raw(row))
    options = {"httpx_client": _client(row), "base_url": "http://provider.test"}
    client = genai.Client(api_key="none", http_options=options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chunks = list(client.models.generate_content_stream(model="m", contents="x"))
        return [chunk.model_dump(mode="json", by_alias=True, exclude_none=True) for chunk in chunks]


@_of("cohere.chat", "ollama.chat", "ollama.generate")
def test_native_streams_read_as_a_plain_reader_reads_them(row):
    text, arguments = "", ""
    for line in row["response"]["body"].splitlines():
        try:
            event = json.loads(line.removeprefix("data:"))
        except ValueError:
            continue
        outputs = [
            event,
            *event.get("output", {}).get("choices", []),
            event.get("output", {}),
            event.get("delta", {}),
        ]
        for output in outputs:
            message = output.get("message", {})
            content = message.get("content", "")
            text += content.get("text", "") if isinstance(content, dict) else "".join(content)
            calls = message.get("tool_calls") or []
            for call in [calls] if isinstance(calls, dict) else calls:
                arguments += call["function"]["arguments"]
        text += event.get("response", "") + event.get("output", {}).get("text", "")
    answer = answer_of_stream(row["api"], _raw(row))
    assert answer.finished
    assert answer.error is None
    assert (answer.text or "") == text
    message = answer.data.get("message") or {}
    for choice in answer.data.get("output", {}).get("choices", []):
        message = choice["message"]
    assert "".join(call["function"]["arguments"] for call in message.get("tool_calls", [])) == arguments


@_each(_WHOLE)
def test_whole_answers_are_kept_as_they_came_and_their_errors_are_told(row):
    status, body = row["response"]["status"], row["response"]["body"]
    answer = answer_of_body(row["api"], _raw(row), status=status)
    assert answer.finished
    assert answer.data == body or "[image" in json.dumps(answer.data)
    if status < 400:
        assert answer.error is None
        assert (answer.text or "") == _plain_text(row["api"], body)
        return
    body = body[0] if isinstance(body, list) else body
    error = body.get("error", body)
    told = error.get("message") or error.get("detail")
    assert answer.error.startswith(told[:400].strip())


def _plain_text(api, body):
    return _READERS.get(api, lambda _: "")(body)


def _chat_text(body):
    contents = [choice["message"].get("content") or "" for choice in body["choices"]]
    return "\n\n".join(text for text in map(_content_text, contents) if text)


def _content_text(content):
    if isinstance(content, dict):
        return json.dumps(content, separators=(",", ":"))
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _gemini_text(body):
    parts = [part for one in body["candidates"] for part in one["content"].get("parts", [])]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def _responses_text(body):
    contents = [item.get("content") or [] for item in body["output"] if item["type"] == "message"]
    return "".join(_content_text(content) for content in contents)


_READERS = {
    "chat.completions": _chat_text,
    "completions": lambda body: "".join(
        one.get("text") or one["message"]["content"] for one in body["choices"]
    ),
    "messages": lambda body: "".join(one.get("text", "") for one in body["content"] if one["type"] == "text"),
    "responses": _responses_text,
    "generateContent": _gemini_text,
    "ollama.chat": lambda body: body["message"]["content"],
    "ollama.generate": lambda body: body["response"],
    "audio.transcriptions": lambda body: body["text"],
    "cohere.chat": lambda body: _content_text(body["message"].get("content") or []),
}


@_each(_EXCHANGES)
def test_what_was_asked_and_how_add_up_to_the_request(row):
    messages, params = request_parts(row["api"], row["request"])
    assert messages is not None
    if not isinstance(row["request"], dict):
        assert messages == {"raw": row["request"]}
        return
    json.dumps([messages, params], allow_nan=False)
    asked = row["request"].keys() - params.keys()
    assert params == {key: value for key, value in row["request"].items() if key not in asked}
    if isinstance(messages, dict) and messages.keys() == asked:
        return
    assert len(asked) == 1


@_each(_STREAMS)
def test_the_terminal_event_waits_and_all_before_it_goes(row):
    raw, api = _raw(row), row["api"]
    end = stream_end(api)
    released = b"".join(map(end.feed, _pieces(raw, row)))
    begun, rest = end.begun, end.rest()
    assert released + rest == raw
    if row["id"] in _NO_END or (api in {"chat.completions", "completions"} and b"[DONE]" not in raw):
        assert not begun
        assert rest == b""
        return
    assert begun
    assert not answer_of_stream(api, released).finished or api in {"chat.completions", "completions"}
    assert b"[DONE]" not in released
    # What waits is the last event that says something of the answer, and what comes after it.
    events = [event for event in rest.split(b"\r\n\r\n" if b"\r\n\r\n" in rest else b"\n\n") if event.strip()]
    assert len(events) <= 2 or rest.startswith(b"{\n")


_CHATS = [row for row in _STREAMS if row["api"] in {"chat.completions", "completions"}]


@_each(_CHATS)
def test_only_the_usage_chunk_is_hidden(row):
    raw = _raw(row)
    blank = b"\r\n\r\n" if b"\r\n\r\n" in raw else b"\n\n"
    expected = []
    for event in raw.split(blank):
        try:
            chunk = json.loads(event.strip().removeprefix(b"data:"))
        except ValueError:
            chunk = {}
        if not (chunk.get("choices") == [] and chunk.get("usage")):
            expected.append(event)
    chunks = UsageChunkFilter()
    kept = b"".join(map(chunks.feed, _pieces(raw, row))) + chunks.rest()
    assert kept == blank.join(expected)
