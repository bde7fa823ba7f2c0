"""Streamed answers: pieces of text as they come, and one line when the stream ends, is left or fails."""

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
    """What both kinds share: the text so far, and the line at the end."""

    _process = 0  # that sent the request
    _over = False

    def __init__(self, service: LLMService, call: Call) -> None:
        self._service = service
        self._call = call
        self._waiting: deque[str] = deque()  # read from the provider and not yet given
        self._text: list[str] = []
        self._reader: ChatStreamReader | None = None
        self._response: httpx2.Response | None = None
        self._retries = 0

    @property
    def content(self) -> str:
        """The text that came so far."""
        return "".join(self._text)

    @property
    def usage(self) -> dict[str, Any] | None:
        """What the call cost, once the stream is over."""
        return self._call.usage

    def _request(self) -> dict[str, Any]:
        self._process = os.getpid()
        _under_way.add(self)
        return self._service.stream_request(self._call.request)

    def _opened(self, raw: Any) -> httpx2.Response:
        response: httpx2.Response = raw.http_response
        self._response, self._retries = response, raw.retries_taken
        self._reader = ChatStreamReader(response)
        return response

    def _take(self, data: bytes | None) -> bool:
        """Read bytes, or None at their end. Whether the answer is over."""
        reader = self._reader
        if reader is None:
            return True
        pieces = reader.end() if data is None else reader.feed(data)
        self._waiting.extend(pieces)
        self._text.extend(pieces)
        return data is None or reader.is_complete

    def _record_end(self) -> None:
        """Raises EmptyResponseError where nothing was said."""
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
        """What the provider reported, and what is noted beside it."""
        reader = self._reader
        if reader is None:
            return None, {}
        notes = {"finish_reason": reader.finish_reason, "retries": self._retries, "model": reader.model}
        return reader.usage(), notes

    @property
    def _sent(self) -> bool:
        """Whether this process sent the request: a stream that a fork copied is its parent's to record."""
        return self._process == os.getpid()

    def __del__(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Whoever drops a stream has left it. Raises nothing, as `record` does."""
        if self._sent and not self._over:
            self._over = True
            self._record_failure(ABANDONED)


_under_way: WeakSet[_Stream] = WeakSet()


@atexit.register
def _abandon_all() -> None:
    """Before the interpreter takes itself apart, when a stream that is dropped could import nothing."""
    for stream in list(_under_way):
        stream.abandon()


class TrackedStream(_Stream, Iterator[str]):
    """The pieces of an answer's text. Not for use by two threads at once."""

    _data: Iterator[bytes] | None = None

    def __next__(self) -> str:
        while not self._waiting:
            if self._over:
                raise StopIteration
            self._advance()
        return self._waiting.popleft()

    def close(self) -> None:
        """Leave the stream; its line says what it cost until now."""
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
        """Leave the stream; its line says what it cost until now."""
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
        """`await LLMTracker.astream_and_track(...)` gives the stream too."""
        return self._itself().__await__()

    async def _itself(self) -> Self:
        return self

    def abandon(self) -> None:
        """Leave the stream; the loop closes the connection when it comes to it."""
        if self._sent and not self._over and self._loop is not None and self._client is not None:
            client, response = self._client, self._response
            with suppress(RuntimeError):  # the loop is closed, and the connection with it
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
                self._record_failure(error)  # being cancelled: it must not wait any more
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
    """Do blocking work in a thread. A cancelled task stops waiting for it, but the work is done."""
    running = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    # What a cancelled task does not hear must not be reported as forgotten.
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
    """What the SDK raises for the same before the stream begins."""
    if isinstance(error, httpx2.TimeoutException):
        return openai.APITimeoutError(request=error.request)
    return openai.APIConnectionError(request=error.request)


def _hang_up_later(client: openai.AsyncOpenAI, response: httpx2.Response | None) -> None:
    task = asyncio.ensure_future(_hang_up(client, response))
    _hanging_up.add(task)
    task.add_done_callback(_hanging_up.discard)


_hanging_up: set[asyncio.Future[None]] = set()  # the loop itself keeps no task alive


async def _hang_up(client: openai.AsyncOpenAI, response: httpx2.Response | None) -> None:
    with suppress(Exception):
        if response is not None:
            await response.aclose()
        await client.close()
