"""Offline token counting."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_tracker.counting import IMAGE_TOKENS, MEDIA_TOKENS, MESSAGE_TOKENS, count_tokens, estimate_usage
from llm_tracker.usage.apis import APIS as KNOWN

SENTENCE = "The quick brown fox jumps over the lazy dog."  # 10 tokens in o200k
BASE64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ" * 2000


def test_counts_are_o200ks():
    assert count_tokens("") == 0
    assert count_tokens("hello world") == 2
    assert count_tokens(SENTENCE) == 10
    assert count_tokens("一二三") == 3


def test_a_text_in_pieces_counts_nearly_the_same():
    once = count_tokens(SENTENCE * 100)
    many = count_tokens(SENTENCE * 100 * 80)
    assert abs(many - 80 * once) < 80 + 4


@pytest.mark.parametrize(
    "letter",
    [
        "a",
        " ",
        "\n",
        "A",
        "aA",
        "e\u0301",
        "'",
        "\u200d",
        "a ",
        " \n",
        "'s",
        "1",
        "中",
        "😀",
        "\x00",
        "\ud800",
    ],
)
def test_ten_megabytes_of_anything_take_a_moment(letter):
    started = time.process_time()
    assert count_tokens(letter * (10_000_000 // len(letter.encode("utf-8", "replace")))) > 0
    assert time.process_time() - started < 5  # about 0.4 s


REQUESTS = {
    "chat.completions": {"messages": [{"role": "user", "content": SENTENCE}]},
    "chat.completions parts": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": SENTENCE}]}]
    },
    "completions": {"prompt": SENTENCE, "user": "not counted at all by anybody"},
    "completions ids": {"prompt": [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]},
    "responses": {"input": SENTENCE},
    "responses items": {
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": SENTENCE}]}]
    },
    "messages": {
        "system": [{"type": "text", "text": "hello"}],
        "messages": [{"role": "user", "content": SENTENCE}],
    },
    "generateContent": {"contents": [{"role": "user", "parts": [{"text": SENTENCE}]}]},
    "streamGenerateContent": {"systemInstruction": {"parts": [{"text": SENTENCE}]}, "contents": []},
    "embeddings": {"input": [SENTENCE], "model": "m"},
    "embeddings Gemini": {"content": {"parts": [{"text": SENTENCE}]}},
    "embeddings batch": {"requests": [{"model": "m", "content": {"parts": [{"text": SENTENCE}]}}]},
    "rerank": {"query": "hello", "documents": ["world", {"text": SENTENCE}]},
    "moderations": {"input": SENTENCE},
    "ollama.chat": {"messages": [{"role": "user", "content": SENTENCE}]},
    "ollama.generate": {"prompt": SENTENCE},
    "cohere.chat": {"message": SENTENCE, "chat_history": []},
    "dashscope.generation": {"model": "m", "input": {"messages": [{"role": "user", "content": SENTENCE}]}},
    "images.generations": {"prompt": SENTENCE},
    "audio.speech": {"input": SENTENCE, "voice": "somebody"},
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_text_of_every_apis_request_is_counted(name):
    estimate = estimate_usage(name.split()[0], REQUESTS[name], "")
    assert 10 <= estimate.prompt_tokens <= 10 + 2 * MESSAGE_TOKENS
    assert estimate.completion_tokens == 0
    assert estimate.total_tokens == estimate.prompt_tokens


def test_a_chats_messages_cost_a_few_tokens_each():
    messages = [{"role": "user", "content": SENTENCE}, {"role": "assistant", "content": SENTENCE}]
    estimate = estimate_usage("chat.completions", {"messages": messages}, "")
    assert estimate.prompt_tokens == pytest.approx(
        2 * (10 + MESSAGE_TOKENS), abs=1
    )  # a line end between them


def test_the_answer_is_counted():
    estimate = estimate_usage("chat.completions", {"messages": []}, SENTENCE)
    assert (estimate.completion_tokens, estimate.total_tokens) == (10, 10)
    assert estimate_usage("embeddings", {"input": SENTENCE}, SENTENCE).completion_tokens == 0


@pytest.mark.parametrize(
    ("api", "part", "tokens"),
    [
        (
            "chat.completions",
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
            IMAGE_TOKENS,
        ),
        ("chat.completions", {"type": "input_audio", "input_audio": {"data": BASE64}}, MEDIA_TOKENS),
        ("chat.completions", {"type": "file", "file": {"file_data": BASE64}}, MEDIA_TOKENS),
        ("responses", {"type": "input_image", "image_url": "https://host/picture.png"}, IMAGE_TOKENS),
        ("messages", {"type": "image", "source": {"type": "base64", "data": BASE64}}, IMAGE_TOKENS),
        ("messages", {"type": "document", "source": {"type": "base64", "data": BASE64}}, MEDIA_TOKENS),
        ("messages", {"type": "document", "source": {"type": "text", "data": SENTENCE}}, 10),
        (
            "messages",
            {"type": "tool_result", "content": [{"type": "image", "source": {"data": BASE64}}]},
            IMAGE_TOKENS,
        ),
        ("messages", {"type": "thinking", "thinking": SENTENCE, "signature": BASE64}, 10),
        ("chat.completions", {"type": "text", "text": f"data:image/png;base64,{BASE64}"}, IMAGE_TOKENS),
        ("chat.completions", {"type": "text", "text": BASE64}, MEDIA_TOKENS),
    ],
)
def test_data_is_a_flat_figure_and_never_read_as_text(api, part, tokens):
    list_name = "input" if api == "responses" else "messages"
    estimate = estimate_usage(api, {list_name: [{"role": "user", "content": [part]}]}, "")
    assert tokens <= estimate.prompt_tokens <= tokens + MESSAGE_TOKENS


def test_data_in_gemini_and_ollama_requests():
    parts = [
        {"inlineData": {"mimeType": "image/png", "data": BASE64}},
        {"fileData": {"mimeType": "video/mp4"}},
    ]
    assert estimate_usage("generateContent", {"contents": [{"parts": parts}]}, "").prompt_tokens == (
        IMAGE_TOKENS + MEDIA_TOKENS
    )
    request = {"prompt": SENTENCE, "images": [BASE64, BASE64]}
    assert estimate_usage("ollama.generate", request, "").prompt_tokens == 2 * IMAGE_TOKENS + 10
    request = {"messages": [{"content": SENTENCE, "images": [BASE64]}]}
    assert estimate_usage("ollama.chat", request, "").prompt_tokens == IMAGE_TOKENS + 10
    assert estimate_usage("audio.transcriptions", {"model": "m"}, "hello").prompt_tokens == MEDIA_TOKENS


def test_a_long_word_is_text():
    assert estimate_usage("completions", {"prompt": "a" * 100_000}, "").prompt_tokens == 12_500


def test_tools_and_their_calls_are_counted():
    tool = {
        "type": "function",
        "function": {"name": "weather", "description": SENTENCE, "parameters": {"type": "object"}},
    }
    plain = estimate_usage("chat.completions", {"messages": []}, "").prompt_tokens
    assert (
        estimate_usage("chat.completions", {"messages": [], "tools": [tool]}, "").prompt_tokens > plain + 20
    )
    use = {"type": "tool_use", "id": "x", "name": "weather", "input": {"where": SENTENCE}}
    assert estimate_usage("messages", {"messages": [{"content": [use]}]}, "").prompt_tokens >= 11
    call = {"functionCall": {"name": "weather", "args": {"where": SENTENCE}}}
    assert estimate_usage("generateContent", {"contents": [{"parts": [call]}]}, "").prompt_tokens >= 11
    config = {"responseSchema": {"description": SENTENCE}}
    assert estimate_usage("generateContent", {"generationConfig": config}, "").prompt_tokens >= 11


def test_lists_and_counts_cost_nothing():
    assert estimate_usage("models", None, "").total_tokens == 0
    assert estimate_usage("count_tokens", {"messages": [{"content": SENTENCE}]}, "").total_tokens == 0


def test_an_unknown_api_is_named():
    with pytest.raises(ValueError, match="'telepathy'"):
        estimate_usage("telepathy", {}, "")


def test_deep_nesting_is_walked():
    content = [SENTENCE]
    for _ in range(5000):
        content = [{"content": content}]
    assert estimate_usage("messages", {"messages": content}, "").prompt_tokens == 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "messages",
                    "content",
                    "type",
                    "text",
                    "source",
                    "input",
                    "tools",
                    "images",
                    "inlineData",
                    "parts",
                    "role",
                ]
            ),
            inner | st.sampled_from(["image", "document", "text"]),
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(st.sampled_from(sorted(KNOWN)), JSON)
def test_garbage_never_raises(api, request_body):
    estimate = estimate_usage(api, request_body, "x")
    assert estimate.total_tokens == estimate.prompt_tokens + estimate.completion_tokens
