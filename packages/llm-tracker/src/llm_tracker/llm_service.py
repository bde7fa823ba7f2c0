"""The model layer: one service per configuration; every provider is called through the `openai` SDK.

`llm_tracker.llm_tracker` records calls; this module does not. Errors are the SDK's.
"""

import atexit
import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from llm_tracker.errors import ConfigurationError, EmptyMessagesError, InvalidArgumentError
from llm_tracker.provider_config import ProviderConfig
from llm_tracker.settings import provider_config

if TYPE_CHECKING:
    # The SDK is slow to import; the first call imports it.
    import openai

    from llm_tracker.answers import Answer

# OpenAI's reasoning models reject max_tokens.
_COUNTS_REASONING = re.compile(r"(?:.*/)?(?:o\d|gpt-[5-9])")

# One per configuration; a program has few. Closed only at exit, since one may be in use.
_services: dict[ProviderConfig, "LLMService"] = {}


def get_llm_service() -> "LLMService":
    """Return the service of the current settings. The same configuration gives the same service.

    Raises ValueError naming the missing key.
    """
    config = provider_config()
    # setdefault is atomic: racing threads get the same service.
    return _services.setdefault(config, LLMService(config))


@atexit.register
def _close_services() -> None:
    for service in _services.values():
        service.close()


class LLMService:
    """Client of one provider. Safe across threads, forks and event loops."""

    def __init__(self, config: ProviderConfig) -> None:
        self.config = config
        # By process: a forked connection belongs to the parent.
        self._clients: dict[int, openai.OpenAI] = {}
        self._listed_model: str | None = None

    def __repr__(self) -> str:
        return f"LLMService({self.config!r})"

    def chat(
        self,
        messages: Iterable[Any],
        max_tokens: int | None = None,
        temperature: float | None = None,
        raw_response: bool = False,
        *,
        json_mode: bool = False,
        response_format: Any = None,
        **parameters: Any,
    ) -> Any:
        """Return the model's text, or with `raw_response` the SDK's ChatCompletion.

        `parameters` go to the provider unchanged (`model`, `tools`, `seed`, …); `stream=True` returns the
        SDK's stream.
        """
        request = self.request(messages, max_tokens, temperature, json_mode, response_format, parameters)
        if request.get("stream"):
            return self._client().chat.completions.create(**request)
        answer = self.send(request)
        return answer.completion if raw_response else answer.content

    async def achat(
        self,
        messages: Iterable[Any],
        max_tokens: int | None = None,
        temperature: float | None = None,
        raw_response: bool = False,
        *,
        json_mode: bool = False,
        response_format: Any = None,
        **parameters: Any,
    ) -> Any:
        """As `chat`, without blocking the event loop, and without `stream`."""
        request = self.request(messages, max_tokens, temperature, json_mode, response_format, parameters)
        if request.get("stream"):
            raise InvalidArgumentError("achat does not support stream; use LLMTracker.astream_and_track")
        answer = await self.asend(request)
        return answer.completion if raw_response else answer.content

    def request(
        self,
        messages: Iterable[Any],
        max_tokens: int | None = None,
        temperature: float | None = None,
        json_mode: bool = False,
        response_format: Any = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the arguments of the SDK's `chat.completions.create`. Raises ValueError for no messages."""
        asked = checked_messages(messages)
        parameters = parameters or {}
        model = parameters.get("model") or self.config.deployment or self.model
        request: dict[str, Any] = {"messages": asked, "model": model}
        max_tokens = self.config.max_tokens if max_tokens is None else max_tokens
        if max_tokens is not None:
            request[self._limit_name(parameters.get("model") or self.model)] = max_tokens
        temperature = self.config.temperature if temperature is None else temperature
        if temperature is not None:
            request["temperature"] = temperature
        if response_format is not None:
            request["response_format"] = response_format
        elif json_mode:
            request["response_format"] = {"type": "json_object"}
        request.update({name: value for name, value in parameters.items() if value is not None})
        headers = {**self._headers(), **(parameters.get("extra_headers") or {})}
        return {**request, "extra_headers": headers} if headers else request

    @property
    def model(self) -> str:
        """The configured model, else the first that the server lists (requested once)."""
        if self.config.model is not None:
            return self.config.model
        if self._listed_model is None:
            self._listed_model = self._first_listed_model()
        return self._listed_model

    def send(self, request: Mapping[str, Any]) -> "Answer":
        """Send a request and return the whole answer."""
        from llm_tracker.answers import read_answer  # noqa: PLC0415  # imports the SDK

        return read_answer(self._client().chat.completions.with_raw_response.create(**request))

    async def asend(self, request: Mapping[str, Any]) -> "Answer":
        """As `send`. The call closes its connection, since a client cannot outlive its event loop."""
        from llm_tracker.answers import read_answer  # noqa: PLC0415  # imports the SDK

        async with self.async_client() as client:
            return read_answer(await client.chat.completions.with_raw_response.create(**request))

    def stream_request(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request for a stream that reports its usage."""
        asked = {**request, "stream": True}
        return {**asked, "stream_options": {"include_usage": True}} if self.config.include_usage else asked

    def open_stream(self, request: Mapping[str, Any]) -> Any:
        """Return the SDK's raw response to a stream request, its body unread."""
        return self._client().chat.completions.with_raw_response.create(**request)

    def async_client(self) -> "openai.AsyncOpenAI":
        """Return a new client for one event loop. The caller closes it."""
        from llm_tracker.clients import async_client  # noqa: PLC0415  # imports the SDK

        return async_client(self.config)

    def close(self) -> None:
        """Close this process's connections. The next call opens new ones."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _client(self) -> "openai.OpenAI":
        process = os.getpid()
        client = self._clients.get(process)
        if client is None:
            from llm_tracker.clients import sync_client  # noqa: PLC0415  # imports the SDK

            client = self._clients.setdefault(process, sync_client(self.config))
        return client

    def _headers(self) -> dict[str, Any]:
        from llm_tracker.clients import request_headers  # noqa: PLC0415  # imports the SDK

        return request_headers(self.config)

    def _limit_name(self, model: str) -> str:
        own = self.config.provider in {"openai", "azure_openai"}
        return "max_completion_tokens" if own and _COUNTS_REASONING.match(model) else "max_tokens"

    def _first_listed_model(self) -> str:
        import openai  # noqa: PLC0415  # slow

        missing = f"{self.config.source}['model'] is missing"
        try:
            listed = self._client().models.list(extra_headers=self._headers()).data
        except (openai.OpenAIError, ValueError) as error:
            raise ConfigurationError(
                f"{missing}, and the server's model list cannot be read: {type(error).__name__}"
            ) from error
        names = [model.id for model in listed or () if isinstance(getattr(model, "id", None), str)]
        if not names:
            raise ConfigurationError(f"{missing}, and the server lists no model")
        return names[0]


def checked_messages(messages: Any) -> list[Any]:
    """Return the messages as a list. Raises ValueError if it is empty or no list of messages."""
    if isinstance(messages, str | bytes | Mapping):
        if not messages:
            raise EmptyMessagesError
        raise InvalidArgumentError('messages must be a list such as [{"role": "user", "content": "..."}]')
    try:
        asked = list(messages or ())
    except TypeError:
        raise InvalidArgumentError(
            f"messages must be a list of messages, not {type(messages).__name__}"
        ) from None
    if not asked:
        raise EmptyMessagesError
    return asked
