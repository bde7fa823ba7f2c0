"""The implementation of `LLMTracker`."""

from collections.abc import Iterable
from typing import Any

from llm_tracker.answers import API, Answer
from llm_tracker.calls import Call
from llm_tracker.errors import EmptyResponseError
from llm_tracker.llm_service import LLMService, checked_messages, get_llm_service
from llm_tracker.streams import AsyncTrackedStream, TrackedStream, in_thread
from llm_tracker.usage import usage_from_response


def call(messages: Iterable[Any], *arguments: Any) -> tuple[str, dict[str, Any]]:
    """Implement `LLMTracker.call_and_track`, with its arguments in its order."""
    service, opened = _open(checked_messages(messages), *arguments)
    try:
        answer = service.send(opened.request)
    except BaseException as error:
        opened.fail(error)
        raise
    return _finish(opened, answer)


async def acall(messages: Iterable[Any], *arguments: Any) -> tuple[str, dict[str, Any]]:
    """Implement `LLMTracker.acall_and_track`."""
    asked = checked_messages(messages)
    service, opened = await in_thread(_open, asked, *arguments)
    try:
        answer = await service.asend(opened.request)
    except BaseException as error:
        if isinstance(error, Exception):
            await in_thread(opened.fail, error)
        else:
            opened.fail(error)  # cancelled: it must not wait
        raise
    return await in_thread(_finish, opened, answer)


def stream(messages: Iterable[Any], *arguments: Any) -> TrackedStream:
    """Implement `LLMTracker.stream_and_track`."""
    return TrackedStream(*_open(checked_messages(messages), *arguments))


def astream(messages: Iterable[Any], *arguments: Any) -> AsyncTrackedStream:
    """Implement `LLMTracker.astream_and_track`."""
    return AsyncTrackedStream(*_open(checked_messages(messages), *arguments))


def _open(
    messages: list[Any],
    json_mode: bool,
    max_tokens: int | None,
    temperature: float | None,
    response_format: Any,
    node_name: str,
    state: Any,
) -> tuple[LLMService, Call]:
    """Check everything that can fail before the call costs anything."""
    service = get_llm_service()
    request = service.request(messages, max_tokens, temperature, json_mode, response_format)
    return service, Call(service, request, node_name, state)


def _finish(opened: Call, answer: Answer) -> tuple[str, dict[str, Any]]:
    usage = usage_from_response(API, dict(answer.body))
    notes = {"finish_reason": answer.finish_reason, "retries": answer.retries}
    if not answer.content.strip():
        error = EmptyResponseError()
        opened.fail(str(error), usage, answer.content, answer.model, **notes)
        raise error
    return answer.content, opened.succeed(usage, answer.content, answer.model, **notes)
