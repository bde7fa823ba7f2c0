"""The one gateway: a call goes to the model, and its line goes into the ledger.

    content, usage = LLMTracker.call_and_track([{"role": "user", "content": "Hello"}])

Every call that is sent leaves exactly one line, whether it succeeds, fails, is interrupted or is abandoned.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # What does the work needs the SDK and SQLAlchemy; they come with the first call.
    from llm_tracker.streams import AsyncTrackedStream, TrackedStream

__all__ = ["LLMTracker"]


class LLMTracker:
    """Calls to the model that the settings describe, each with its line.

    The arguments are the same everywhere. `json_mode` asks for a JSON object, `response_format` for what it
    says; `max_tokens` and `temperature` default to the provider's config; `node_name` says which part of the
    program asks. `state` may hold `user_id`, `source_type`, `source_task_id`, `source_path` and `metadata`.

    `usage` is a dict with `model, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
    reasoning_tokens`. Raises ValueError for empty messages, an incomplete configuration and an empty answer;
    the SDK's errors as they are.
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
        """The answer's text and its usage."""
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
        """An iterator over the pieces of the answer's text; sent when the first is asked for.

        After the end it has `usage` and `content`. It is a context manager too; leaving it early, `close()`
        or dropping it records what the call cost until then.
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
