"""Streamed answers: pieces of text, and one line when the stream ends, fails or is abandoned."""

import asyncio
import atexit
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from typing import Any, Self, TypeVar
from weakref import WeakSet

import httpx2
import openai

from llm_tracker.calls import Call
from llm_tracker.chat_stream import ChatStreamReader
from llm_tracker.errors import EmptyResponseError
from llm_tracker.llm_service import LLMService

T = TypeVar("T")
ABANDONED = "The caller left the stream before its end"


class _Stream:
    """Base of both streams: the text so far, and the line at the end."""

    _process = 0  # the process that sent the request
    _over = False

    def __init__(self, service: LLMService, call: Call) -> None:
        self._service = service
        self._call = call
        self._waiting: deque[str] = deque()  # received and not yet returned
        self._text: list[str] = []
        self._reader: ChatStreamReader | None = None
        self._response: httpx2.Response | None = None
        self._retries = 0

    @property
    def content(self) -> str:
        """The text so far."""
        return "".join(self._text)

    @property
    def usage(self) -> dict[str, Any] | None:
        """The call's usage after the end of the stream."""
        return self._call.usage

    def _request(self) -> dict[str, Any]:
        self._process = os.getpid()
        _in_flight.add(self)
        return self._service.stream_request(self._call.request)

    def _opened(self, raw: Any) -> httpx2.Response:
        response: httpx2.Response = raw.http_response
        self._response, self._retries = response, raw.retries_taken
        self._reader = ChatStreamReader(response)
        return response

    def _take(self, data: bytes | None) -> bool:
        """Read bytes, None at their end. Return True if the answer is complete."""
        reader = self._reader
        if reader is None:
            return True
        pieces = reader.end() if data is None else reader.feed(data)
        self._waiting.extend(pieces)
        self._text.extend(pieces)
        return data is None or reader.is_complete

    def _record_end(self) -> None:
        """Write the line of a finished stream. Raises EmptyResponseError if it has no text."""
        if not self.content.strip():
            error = EmptyResponseError()
            self._record_failure(str(error))
            raise error
        usage, notes = self._known()
        self._call.succeed(usage, self.content, notes.pop("model", None), **notes)

    def _record_failure(self, error: BaseException | str) -> None:
        usage, notes = self._known()
        self._call.fail(error, usage, self.content, notes.pop("model", None), **notes)

    def _known(self) -> tuple[Any, dict[str, Any]]:
        """Return the reported usage and the notes for the metadata."""
        reader = self._reader
        if reader is None:
            return None, {}
        notes = {"finish_reason": reader.finish_reason, "retries": self._retries, "model": reader.model}
        return reader.usage(), notes

    @property
    def _sent(self) -> bool:
        """True if this process sent the request: the parent records a forked stream."""
        return self._process == os.getpid()

    def __del__(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Record a dropped stream as abandoned. Raises nothing, like `record`."""
        if self._sent and not self._over:
            self._over = True
            self._record_failure(ABANDONED)


_in_flight: WeakSet[_Stream] = WeakSet()


@atexit.register
def _abandon_all() -> None:
    """Record open streams at exit, while imports still work."""
    for stream in list(_in_flight):
        stream.abandon()


class TrackedStream(_Stream, Iterator[str]):
    """Pieces of an answer's text. Not thread-safe."""

    _data: Iterator[bytes] | None = None

    def __next__(self) -> str:
        while not self._waiting:
            if self._over:
                raise StopIteration
            self._advance()
        return self._waiting.popleft()

    def close(self) -> None:
        """Close the stream and record its cost so far."""
        if self._over:
            return
        self._over = True
        self._hang_up()
        self._waiting.clear()
        if self._sent:
            self._record_failure(ABANDONED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def abandon(self) -> None:
        """Leave the stream; what of it is open is closed now, and not while the interpreter ends."""
        if self._sent:
            self.close()

    def _advance(self) -> None:
        try:
            if self._data is None:
                self._data = self._opened(self._service.open_stream(self._request())).iter_bytes()
            over = self._take(_next(self._data))
        except BaseException as error:
            self._over = True
            self._hang_up()
            self._record_failure(error)
            raise
        if over:
            self._over = True
            self._hang_up()
            self._record_end()

    def _hang_up(self) -> None:
        if self._response is not None:
            with suppress(Exception):
                self._response.close()
        if isinstance(self._data, Generator):
            with suppress(Exception):
                self._data.close()


class AsyncTrackedStream(_Stream, AsyncIterator[str]):
    """The pieces of an answer's text, for `async for`. Not for use by two tasks at once."""

    _data: AsyncIterator[bytes] | None = None
    _client: openai.AsyncOpenAI | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    async def __anext__(self) -> str:
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            await self._advance()
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """Close the stream and record its cost so far."""
        if self._over:
            return
        self._over = True
        self._waiting.clear()
        if self._sent:
            self._record_failure(ABANDONED)
        await self._hang_up()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    def __await__(self) -> Generator[Any, None, Self]:
        """Let `await LLMTracker.astream_and_track(...)` return the stream, too."""
        return self._itself().__await__()

    async def _itself(self) -> Self:
        return self

    def abandon(self) -> None:
        """Record the stream as abandoned; its loop closes the connection later."""
        if self._sent and not self._over and self._loop is not None and self._client is not None:
            client, response = self._client, self._response
            with suppress(RuntimeError):  # the loop and its connections are closed
                self._loop.call_soon_threadsafe(lambda: _hang_up_later(client, response))
        super().abandon()

    async def _advance(self) -> None:
        try:
            if self._data is None:
                self._loop = asyncio.get_running_loop()
                self._client = self._service.async_client()
                completions = self._client.chat.completions.with_raw_response
                self._data = self._opened(await completions.create(**self._request())).aiter_bytes()
            over = self._take(await _anext(self._data))
        except BaseException as error:
            self._over = True
            if isinstance(error, Exception):
                await in_thread(self._record_failure, error)
            else:
                self._record_failure(error)  # cancelled: it must not wait
            await self._hang_up()
            raise
        if over:
            self._over = True
            await self._hang_up()
            await in_thread(self._record_end)

    async def _hang_up(self) -> None:
        if self._client is not None:
            await _hang_up(self._client, self._response)


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Run blocking work in a thread. Cancellation stops the wait, not the work."""
    running = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    # Without this, asyncio reports results that a cancelled task never retrieves.
    running.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(running)


def _next(data: Iterator[bytes]) -> bytes | None:
    try:
        return next(data, None)
    except httpx2.RequestError as error:
        raise _as_sdk_error(error) from error


async def _anext(data: AsyncIterator[bytes]) -> bytes | None:
    try:
        return await anext(data, None)
    except httpx2.RequestError as error:
        raise _as_sdk_error(error) from error


def _as_sdk_error(error: httpx2.RequestError) -> openai.APIConnectionError:
    """Return the error that the SDK raises for the same cause before a stream starts."""
    if isinstance(error, httpx2.TimeoutException):
        return openai.APITimeoutError(request=error.request)
    return openai.APIConnectionError(request=error.request)


def _hang_up_later(client: openai.AsyncOpenAI, response: httpx2.Response | None) -> None:
    task = asyncio.ensure_future(_hang_up(client, response))
    _hanging_up.add(task)
    task.add_done_callback(_hanging_up.discard)


_hanging_up: set[asyncio.Future[None]] = set()  # the loop holds no strong references to tasks


async def _hang_up(client: openai.AsyncOpenAI, response: httpx2.Response | None) -> None:
    with suppress(Exception):
        if response is not None:
            await response.aclose()
        await client.close()
