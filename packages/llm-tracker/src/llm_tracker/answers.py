"""Read whole answers and errors of a provider, trusting nothing about their shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletion

API = "chat.completions"  # the only API used here, by its name in `llm_tracker.usage`

# The request was not sent, so it cost nothing.
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    body: Mapping[str, Any]  # as the provider sent it
    completion: ChatCompletion | None  # the SDK's view of it; None for an answer to a stream
    content: str
    model: str | None
    finish_reason: str | None
    retries: int = 0


def read_answer(raw: Any) -> Answer:
    """Return the answer in an SDK's raw response. Raises the SDK's errors for an invalid body."""
    body = read_body(raw.http_response, raw.content)
    return answer_of(body, completion=raw.parse(), retries=raw.retries_taken)


def read_body(response: httpx2.Response, content: bytes) -> Mapping[str, Any]:
    """Return the JSON object of an answer with status 200. Raises openai.APIResponseValidationError."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        kind = response.headers.get("content-type", "an unknown type").split(";")[0]
        raise openai.APIResponseValidationError(
            response=response,
            body=None,
            message=f"{response.url.host} answered with {kind}, not JSON; check api_base",
        ) from None
    if not isinstance(body, dict):
        raise openai.APIResponseValidationError(
            response=response,
            body=body,
            message=f"{response.url.host} answered with JSON that is not an object",
        )
    if body.get("error") and not body.get("choices"):
        raise openai.APIResponseValidationError(
            response=response,
            body=body,
            message=f"{response.url.host} answered with an error: {error_text(body['error'])}",
        )
    return body


def answer_of(body: Mapping[str, Any], completion: ChatCompletion | None = None, retries: int = 0) -> Answer:
    """Return the text, model and finish reason of a whole answer; absent ones are empty."""
    choice = _first(body.get("choices"))
    message = choice.get("message")
    finish_reason = choice.get("finish_reason")
    return Answer(
        body=body,
        completion=completion,
        content=text_of(message.get("content")) if isinstance(message, dict) else "",
        model=model_of(body),
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        retries=retries,
    )


def text_of(content: Any) -> str:
    """Return the text of a message: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(part for part in parts if isinstance(part, str))


def model_of(body: Mapping[str, Any]) -> str | None:
    """Return the model that the provider names."""
    model = body.get("model")
    return model if isinstance(model, str) and model.strip() else None


def error_text(error: Any) -> str:
    """Return the message of an error object."""
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) and message else json.dumps(error)[:500]


def body_of_error(error: BaseException) -> Any:
    """Return the JSON body of an error, which may have usage; None without one."""
    response = getattr(error, "response", None)
    try:
        return json.loads(response.content) if isinstance(response, httpx2.Response) else None
    except (ValueError, RecursionError, httpx2.ResponseNotRead):
        return None


def may_have_cost(error: BaseException) -> bool:
    """True if a provider may have worked on the request without answering."""
    if isinstance(error, openai.APIConnectionError):
        return not isinstance(error.__cause__, _NOT_SENT)
    # An interruption (KeyboardInterrupt, a cancelled task) found the request in progress.
    return not isinstance(error, Exception)


def _first(choices: Any) -> Mapping[str, Any]:
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}
