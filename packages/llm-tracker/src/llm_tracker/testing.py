"""A scripted provider and a temporary ledger, for the tests of programs that use the library.

    from llm_tracker.testing import scripted_provider

    def test_the_summary_is_asked_for_once():
        with scripted_provider("A short summary.") as provider:
            assert summarise("A long text") == "A short summary."
            assert provider.requests[0]["messages"][-1]["content"] == "A long text"
            assert provider.lines()[0]["success"]

The whole library runs, including the SDK, without the network.
"""

import json
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from llm_tracker import settings
from llm_tracker.answers import API
from llm_tracker.arguments import MAX_PAGE_SIZE
from llm_tracker.counting import estimate_usage
from llm_tracker.database import close
from llm_tracker.llm_usage import get_llm_usage_list
from llm_tracker.sinks import current_target

ScriptedAnswer = str | int | Mapping[str, Any] | Exception | Callable[[dict[str, Any]], str]
"""Text; an HTTP error status; a whole answer; a transport error; or a function from request to text."""

_EVENTS = {"content-type": "text/event-stream"}


class ScriptedProvider:
    """Answer requests in the script's order, then repeat the last answer."""

    def __init__(self, *answers: ScriptedAnswer, model: str = "scripted-model") -> None:
        self.requests: list[dict[str, Any]] = []  # the bodies as sent
        self._answers = answers or ("This is a scripted answer.",)
        self._model = model

    def lines(self) -> list[dict[str, Any]]:
        """Return the ledger's lines, oldest first."""
        return get_llm_usage_list(page_size=MAX_PAGE_SIZE)["list"][::-1]

    def respond(self, request: httpx2.Request) -> httpx2.Response:
        """Return the next answer."""
        asked: dict[str, Any] = json.loads(request.content)
        answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(asked)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx2.Response(answer, json={"error": {"message": f"scripted status {answer}"}})
        if isinstance(answer, Mapping):
            return httpx2.Response(200, json=dict(answer))
        text = answer if isinstance(answer, str) else answer(asked)
        usage = estimate_usage(API, asked, text)
        tokens = {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
        }
        return self._stream(text, tokens) if asked.get("stream") else self._whole(text, tokens)

    def _whole(self, text: str, usage: dict[str, int]) -> httpx2.Response:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return httpx2.Response(200, json=self._object("chat.completion", [choice], usage))

    def _stream(self, text: str, usage: dict[str, int]) -> httpx2.Response:
        def choice(content: str, reason: str | None) -> list[dict[str, Any]]:
            return [{"index": 0, "delta": {"content": content}, "finish_reason": reason}]

        kind = "chat.completion.chunk"
        chunks = [self._object(kind, choice(piece, None)) for piece in text.splitlines(keepends=True)]
        chunks += [self._object(kind, choice("", "stop")), self._object(kind, [], usage)]
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        return httpx2.Response(200, headers=_EVENTS, text="".join(events) + "data: [DONE]\n\n")

    def _object(
        self, kind: str, choices: list[dict[str, Any]], usage: dict[str, int] | None = None
    ) -> dict[str, Any]:
        number = len(self.requests)
        found = {"id": f"scripted-{number}", "object": kind, "created": 0, "model": self._model}
        return {**found, "choices": choices, **({"usage": usage} if usage else {})}


@contextmanager
def scripted_provider(*answers: ScriptedAnswer, model: str = "scripted-model") -> Generator[ScriptedProvider]:
    """Send every call of this process to the script, and its line to a temporary ledger, until the block ends."""
    provider = ScriptedProvider(*answers, model=model)
    before = settings.current()
    with tempfile.TemporaryDirectory(prefix="llm_tracker-") as folder:
        settings.replace(
            {
                "LLM_PROVIDER": "openai_compatible",
                "OPENAI_COMPATIBLE_CONFIG": {
                    "api_base": "http://scripted.invalid/v1",
                    "model": model,
                    "max_retries": 0,
                    "transport": httpx2.MockTransport(provider.respond),
                },
                "LLM_TRACKER_DATABASE_URL": f"sqlite:///{Path(folder) / 'llm_tracker.db'}",
            }
        )
        url = current_target().url
        try:
            yield provider
        finally:
            settings.replace(before)
            close(url)
