"""Transcripts of requests: question, parameters, and files replaced by markers."""

import base64
import hashlib
import json
import math

import orjson
import pytest

from daybook.gateway.transcript.storable import storable, storable_text
from support.gateway.transcripts import request_parts

_PICTURE = bytes(range(256)) * 40
_BASE64 = base64.b64encode(_PICTURE).decode()
_SHA = hashlib.sha256(_PICTURE).hexdigest()


def _marker(media_type):
    return f"[{media_type}, 10240 bytes, sha256 {_SHA}]"


@pytest.mark.parametrize(
    ("api", "asked", "messages"),
    [
        (
            "chat.completions",
            {"messages": [{"role": "user", "content": "hi"}]},
            [{"role": "user", "content": "hi"}],
        ),
        ("completions", {"prompt": "hi"}, "hi"),
        ("responses", {"input": "hi", "instructions": "be"}, {"input": "hi", "instructions": "be"}),
        ("responses", {"prompt": {"id": "p"}}, {"prompt": {"id": "p"}}),
        ("embeddings", {"input": ["a", "b"]}, ["a", "b"]),
        ("embeddings", {"content": {"parts": [{"text": "a"}]}}, {"parts": [{"text": "a"}]}),
        ("embeddings", {"requests": [{"content": {}}]}, [{"content": {}}]),
        ("messages", {"system": "be", "messages": []}, {"system": "be", "messages": []}),
        ("count_tokens", {"messages": [1]}, {"messages": [1]}),
        ("count_tokens", {"contents": [1]}, {"contents": [1]}),
        (
            "generateContent",
            {"contents": [], "systemInstruction": {}},
            {"contents": [], "systemInstruction": {}},
        ),
        ("streamGenerateContent", {"contents": []}, {"contents": []}),
        ("images.generations", {"prompt": "a cat"}, "a cat"),
        ("audio.speech", {"input": "say"}, {"input": "say"}),
        ("audio.transcriptions", {"file": {"filename": "a.mp3"}}, {"file": {"filename": "a.mp3"}}),
        ("rerank", {"query": "q", "documents": ["d"]}, {"query": "q", "documents": ["d"]}),
        ("moderations", {"input": "x"}, "x"),
        ("ollama.chat", {"messages": []}, []),
        ("ollama.generate", {"prompt": "x"}, {"prompt": "x"}),
        ("cohere.chat", {"messages": []}, []),
        ("cohere.chat", {"message": "x", "chat_history": []}, {"message": "x", "chat_history": []}),
    ],
)
def test_the_question_is_parted_from_the_parameters(api, asked, messages):
    rest = {"model": "m", "temperature": 0.5, "stream": True, "tools": [{"type": "function"}]}
    assert request_parts(api, {**rest, **asked}) == (messages, rest)


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (None, {"raw": None}),
        ("{broken", {"raw": "{broken"}),
        (b"\xff{broken", {"raw": "\ufffd{broken"}),
        ([1, "x"], {"raw": [1, "x"]}),
        (7, {"raw": 7}),
        ({}, {}),
        ({"messages": None}, {}),
    ],
)
def test_a_body_of_any_kind_gives_messages_that_are_not_null(body, messages):
    assert request_parts("chat.completions", body)[0] == messages
    assert len(json.dumps(request_parts("chat.completions", "x" * 10**6)[0])) < 11_000
    assert len(json.dumps(request_parts("chat.completions", b"\0" * 10**6)[0])) < 80_000


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_BASE64}", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": _marker("image/png"), "detail": "low"}},
        ),
        (f"![](data:image/png;base64,{_BASE64}) ok", f"![]({_marker('image/png')}) ok"),
        (
            {"inlineData": {"mimeType": "image/jpeg", "data": _BASE64}},
            {"inlineData": {"mimeType": "image/jpeg", "data": _marker("image/jpeg")}},
        ),
        (
            {"inline_data": {"mime_type": "image/jpeg", "data": base64.urlsafe_b64encode(_PICTURE).decode()}},
            {"inline_data": {"mime_type": "image/jpeg", "data": _marker("image/jpeg")}},
        ),
        (
            {"source": {"type": "base64", "media_type": "application/pdf", "data": _BASE64.rstrip("=")}},
            {
                "source": {
                    "type": "base64",
                    "media_type": "application/pdf",
                    "data": _marker("application/pdf"),
                }
            },
        ),
        (
            {"input_audio": {"data": _BASE64, "format": "wav"}},
            {"input_audio": {"data": _marker("audio/wav"), "format": "wav"}},
        ),
        (
            {"file": {"file_data": _BASE64, "filename": "a"}},
            {"file": {"file_data": _marker("file"), "filename": "a"}},
        ),
        ({"images": [_BASE64]}, {"images": [_marker("image")]}),
        ({"file": _PICTURE}, {"file": _marker("application/octet-stream")}),
    ],
)
def test_files_become_markers_with_the_hash_of_the_file(given, kept):
    assert storable(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        {"source": {"type": "text", "media_type": "text/plain", "data": "plain words " * 500}},
        {"type": "redacted_thinking", "data": _BASE64},
        {"type": "reasoning.encrypted", "data": _BASE64, "format": "v1"},
        {"type": "reasoning", "encrypted_content": _BASE64},
        {"text": "x", "thoughtSignature": _BASE64},
        {"arguments": json.dumps({"data": "x" * 5000})},
        {"inlineData": {"mimeType": "image/gif", "data": "R0lGODlhAQABAAAAACw="}},
        {"url": "data:image/gif;base64,R0lGODlhAQABAAAAACw="},
        {"embedding": [0.25, 1, -3.5e30] * 500},
        {"prompt": "the word data:image/png;base64, alone"},
    ],
)
def test_what_is_no_file_or_a_small_one_stays(given):
    assert storable(given) == given


def test_what_comes_out_can_be_written_and_stored():
    given = {
        "nul\0": "a\0b",
        "surrogate": "\ud800x",
        "numbers": [2**70, -(2**70), math.nan, math.inf, 10**9000],
        "mixed": [1, True, None, 0.5, math.nan],
        "other": {1, 2},
        7: (1, "x"),
    }
    deep = []
    for _ in range(5000):
        deep = [deep]
    kept = storable({**given, "deep": deep})
    text = orjson.dumps(kept)
    assert b"\\u0000b" in text
    assert b"\\ud800" not in text.replace(b"\\\\ud800", b"")
    assert b'"\\\\u0000' not in text.replace(b"a\\\\u0000b", b"")
    assert kept["surrogate"] == "\\ud800x"
    assert kept["nul\\u0000"] == "a\\u0000b"
    assert kept["numbers"][:4] == [str(2**70), str(-(2**70)), "nan", "inf"]
    assert kept["7"] == [1, "x"]
    assert b"nested too deeply" in text


def test_a_text_beyond_the_limit_is_cut():
    kept = storable_text("x" * 100_000_000)
    assert len(kept) < 8_000_100
    assert kept.endswith("[cut here, of 100000000 characters]")


def test_the_given_body_is_left_as_it_is():
    body = {"messages": [{"content": f"data:image/png;base64,{_BASE64}\0"}], "temperature": 1}
    before = json.dumps(body)
    request_parts("chat.completions", body)
    assert json.dumps(body) == before
