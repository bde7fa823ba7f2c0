"""Read a streamed answer from its bytes: its text, and whether it is complete."""

import json
from typing import Any

import httpx2
import openai

from llm_tracker.answers import API, answer_of, error_text, model_of, read_body, text_of
from llm_tracker.usage import Usage, UsageReader, usage_from_response


class ChatStreamReader:
    """Turn the bytes of one answer, split anywhere, into pieces of text."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._usage = UsageReader(API)
        self._whole_usage: Usage | None = None
        self._unread: list[bytes] = []  # of an unfinished line; joined once, since it may be long
        self._event: list[bytes] = []
        self._is_json: bool | None = None  # a server without streams answers with one JSON object
        self.is_complete = False
        self.model: str | None = None
        self.finish_reason: str | None = None

    def feed(self, data: bytes) -> list[str]:
        """Return the pieces of text that these bytes complete. Raises the SDK's errors for an invalid answer."""
        if self._is_json is None and data.strip():
            self._is_json = data.lstrip().startswith(b"{")
        self._unread.append(data)
        if self._is_json:
            return []
        self._usage.feed(data)
        if b"\n" not in data and b"\r" not in data:
            return []
        lines = b"".join(self._unread).splitlines(keepends=True)
        # An unfinished line is kept, and so is one whose \r may be half of \r\n.
        self._unread = [lines.pop()] if lines and not lines[-1].endswith(b"\n") else []
        pieces = [self._line(line.rstrip(b"\r\n")) for line in lines]
        return [piece for piece in pieces if piece]

    def end(self) -> list[str]:
        """Return the last pieces. Raises openai.APIConnectionError for an incomplete answer."""
        if self._is_json:
            body = read_body(self._response, b"".join(self._unread))
            answer = answer_of(body)
            self.model, self.finish_reason = answer.model, answer.finish_reason
            self._whole_usage = usage_from_response(API, dict(body))
            return [answer.content] if answer.content else []
        pieces = [self._line(line.rstrip(b"\r\n")) for line in (b"".join(self._unread), b"")]
        if not self.is_complete and self.finish_reason is None:
            raise openai.APIConnectionError(
                message=f"{self._response.url.host} closed the stream before the answer was complete",
                request=self._response.request,
            )
        return [piece for piece in pieces if piece]

    def usage(self) -> Usage | None:
        """Return the usage reported so far."""
        return self._whole_usage or self._usage.finish()

    def _line(self, line: bytes) -> str:
        """Read one line of server-sent events; an empty line ends an event."""
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._event.append(value.removeprefix(b" "))
            return ""
        data, self._event = b"\n".join(self._event), []
        return self._data(data) if data else ""

    def _data(self, data: bytes) -> str:
        if data.strip() == b"[DONE]":
            self.is_complete = True
            return ""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            raise openai.APIResponseValidationError(
                response=self._response,
                body=None,
                message=f"{self._response.url.host} sent a stream event that is not JSON",
            ) from None
        return self._chunk(chunk) if isinstance(chunk, dict) else ""

    def _chunk(self, chunk: dict[str, Any]) -> str:
        if chunk.get("error"):
            raise openai.APIError(error_text(chunk["error"]), self._response.request, body=chunk["error"])
        self.model = model_of(chunk) or self.model
        text = ""
        for choice in chunk.get("choices") or ():
            if not isinstance(choice, dict) or choice.get("index", 0) != 0:
                continue
            if isinstance(choice.get("finish_reason"), str):
                self.finish_reason = choice["finish_reason"]
            delta = choice.get("delta")
            text += text_of(delta.get("content")) if isinstance(delta, dict) else ""
        return text
