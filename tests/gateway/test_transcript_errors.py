"""Errors in the shape of every provider, with an error's status or with 200."""

import pytest

from daybook.gateway.transcript.provider_errors import error_of_body
from support.gateway.transcripts import answer_of_body


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": {"message": "No", "type": "t"}}, "No"),
        ({"error": "No"}, "No"),
        ({"type": "error", "error": {"type": "t", "message": "No"}}, "No"),
        ([{"error": {"code": 400, "message": "No", "status": "INVALID_ARGUMENT"}}], "No"),
        ({"detail": "No"}, "No"),
        ({"detail": [{"loc": ["body"], "msg": "No", "type": "missing"}]}, "No"),
        ({"message": "No", "id": "x"}, "No"),
        ({"code": "InvalidApiKey", "message": "No"}, "No"),
        ({"object": "error", "message": "No", "code": 40001}, "No"),
        ({"success": False, "errors": [{"code": 7, "message": "No"}]}, "No"),
        ({"error": {"message": "Provider said", "metadata": {"raw": "No"}}}, "Provider said: No"),
        ({"error": {"code": 500}}, "The provider reports error 500."),
        ({"error": {}}, "The provider reports an error without saying which."),
        ([], "The provider reports an error without saying which."),
        (None, "The provider reports an error without saying which."),
        ("  No  ", "No"),
        ("", "The answer is empty."),
        (b"<html><head><style>p{}</style><title>502</title><script>x<y</script></head><h1>No</h1>", "502 No"),
        (b"No\xff", "No\ufffd"),
        (b'{"error": {"message": "No\\ud800\\u0000"}}', "No\\ud800\\u0000"),
    ],
)
def test_every_shape_of_error_is_read(body, told):
    assert error_of_body(body) == told
    assert answer_of_body("chat.completions", body, status=502).error == told


def test_long_errors_are_cut():
    assert len(error_of_body("x" * 9000)) == 500
    assert len(error_of_body({"error": {"message": "x" * 9000}})) == 500


@pytest.mark.parametrize(
    ("api", "body"),
    [
        ("chat.completions", {"error": {"message": "No"}}),
        (
            "chat.completions",
            {"choices": [{"error": {"message": "No", "code": 502}, "finish_reason": "error"}]},
        ),
        ("messages", {"type": "error", "error": {"message": "No"}}),
        ("dashscope.generation", {"code": "Arrearage", "message": "No", "request_id": "r"}),
        ("ollama.generate", {"error": "No"}),
    ],
)
def test_an_error_with_status_200_is_an_error(api, body):
    assert answer_of_body(api, body).error == "No"


def test_a_page_of_html_with_status_200_is_an_error():
    answer = answer_of_body(
        "chat.completions", b"<html><body>Log in first</body></html>", media_type="text/html"
    )
    assert answer.error == "The answer is no JSON: Log in first"
    assert not answer.finished
    assert answer_of_body("chat.completions", b"").error == "The answer is empty."
