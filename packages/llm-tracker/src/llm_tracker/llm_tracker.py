"""Call the model and write the call's line into the ledger.

    content, usage = LLMTracker.call_and_track([{"role": "user", "content": "Hello"}])

Every call that is sent leaves exactly one line, whether it succeeds, fails, is interrupted or is abandoned.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # These need the SDK and SQLAlchemy; the first call imports them.
    from llm_tracker.streams import AsyncTrackedStream, TrackedStream

__all__ = ["LLMTracker"]


class LLMTracker:
    """Calls to the configured model, each with its line.

    All methods take the same arguments. `json_mode` requests a JSON object, `response_format` another format;
    `max_tokens` and `temperature` default to the provider's config; `node_name` names the calling part of the
    program. `state` may have `user_id`, `source_type`, `source_task_id`, `source_path` and `metadata`.

    `usage` is a dict with `model, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    reasoning_tokens`. Raises ValueError for empty messages, an incomplete configuration and an empty answer,
    and the SDK's errors unchanged.
    """

    @staticmethod
    def call_and_track(
        messages: Iterable[Any],
        json_mode: bool = False,
        max_tokens: int | None = None,
        temperature: float | None = None,
        response_format: Any = None,
        node_name: str = "unknown",
        state: Any = None,
    ) -> tuple[str, dict[str, Any]]:
        """Return the answer's text and its usage."""
        from llm_tracker import tracking  # noqa: PLC0415  # imports the SDK and SQLAlchemy

        return tracking.call(messages, json_mode, max_tokens, temperature, response_format, node_name, state)

    @staticmethod
    async def acall_and_track(
        messages: Iterable[Any],
        json_mode: bool = False,
        max_tokens: int | None = None,
        temperature: float | None = None,
        response_format: Any = None,
        node_name: str = "unknown",
        state: Any = None,
    ) -> tuple[str, dict[str, Any]]:
        """As `call_and_track`, without blocking the event loop."""
        from llm_tracker import tracking  # noqa: PLC0415  # imports the SDK and SQLAlchemy

        return await tracking.acall(
            messages, json_mode, max_tokens, temperature, response_format, node_name, state
        )

    @staticmethod
    def stream_and_track(
        messages: Iterable[Any],
        json_mode: bool = False,
        max_tokens: int | None = None,
        temperature: float | None = None,
        response_format: Any = None,
        node_name: str = "unknown",
        state: Any = None,
    ) -> "TrackedStream":
        """Return an iterator over pieces of the answer's text. The first iteration sends the request.

        After the end it has `usage` and `content`. It is also a context manager. `close()`, an early exit or
        garbage collection record the cost so far.
        """
        from llm_tracker import tracking  # noqa: PLC0415  # imports the SDK and SQLAlchemy

        return tracking.stream(
            messages, json_mode, max_tokens, temperature, response_format, node_name, state
        )

    @staticmethod
    def astream_and_track(
        messages: Iterable[Any],
        json_mode: bool = False,
        max_tokens: int | None = None,
        temperature: float | None = None,
        response_format: Any = None,
        node_name: str = "unknown",
        state: Any = None,
    ) -> "AsyncTrackedStream":
        """As `stream_and_track`, for `async for` and `async with`."""
        from llm_tracker import tracking  # noqa: PLC0415  # imports the SDK and SQLAlchemy

        return tracking.astream(
            messages, json_mode, max_tokens, temperature, response_format, node_name, state
        )
