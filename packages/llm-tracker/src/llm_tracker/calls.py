"""One model call, from its request to its line in the ledger."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from llm_tracker.answers import API, body_of_error, may_have_cost
from llm_tracker.arguments import as_integer
from llm_tracker.counting import estimate_usage
from llm_tracker.ids import uuid7
from llm_tracker.lines import ERROR_LENGTH, MODEL_LENGTH, PROVIDER_LENGTH, TOKEN_COLUMNS, Line, token_columns
from llm_tracker.llm_service import LLMService
from llm_tracker.pricing import price_of
from llm_tracker.sinks import current_target, record
from llm_tracker.storable import HIDDEN, storable_json, storable_text
from llm_tracker.usage import Usage, usage_from_response

_log = logging.getLogger("llm_tracker")
_STATE_FIELDS = ("source_type", "source_task_id", "source_path")
_SHORTEST_KEY = 16  # shorter ones ("test-key") may appear in a caller's metadata by chance
_SHORTEST_SECRET = 8  # shorter ones ("none", "ollama") are words that would be hidden everywhere


class Call:
    """A call that leaves exactly one line, however it ends. Its target is fixed at creation."""

    def __init__(self, service: LLMService, request: Mapping[str, Any], node_name: Any, state: Any) -> None:
        self.id = uuid7()
        self.request = request
        self.usage: dict[str, Any] | None = None  # of the closed call, as returned to the caller
        self._config = service.config
        self._asked_model = service.model
        self._target = current_target()
        self._secrets = tuple(secret for secret in self._config.secrets() if len(secret) >= _SHORTEST_SECRET)
        given = {} if node_name is None else {"node_name": node_name}
        for name in _STATE_FIELDS:
            if (value := _field(state, name)) is not None:
                given[name] = value
        self._user_id, self._metadata = _with_user(given, _field(state, "user_id"), _field(state, "metadata"))

    def succeed(self, usage: Usage | None, answer: str, model: str | None, **notes: Any) -> dict[str, Any]:
        """Write the line of an answer, with `notes` in its metadata. Return the usage for the caller."""
        return self._close(usage, answer, model, None, notes)

    def fail(
        self,
        error: BaseException | str,
        usage: Usage | None = None,
        answer: str = "",
        model: str | None = None,
        **notes: Any,
    ) -> None:
        """Write the line of a failed call, with its known cost.

        The provider's report counts. Without one, the whole prompt and the answer so far are estimated. A
        provider's error response and an unsent request cost nothing.
        """
        if isinstance(error, str):
            self._close(usage, answer, model, error, notes)
            return
        self._hide_secrets(error)
        if usage is None:
            usage = _reported(body_of_error(error))
        if usage is None and not answer and not may_have_cost(error):
            usage = Usage()
        self._close(usage, answer, model, f"{type(error).__name__}: {_said(error)}", notes)

    def _close(
        self, usage: Usage | None, answer: str, model: str | None, error: str | None, notes: Mapping[str, Any]
    ) -> dict[str, Any]:
        if self.usage is not None:
            return self.usage
        model = model or self._asked_model
        is_estimated = usage is None
        usage = _estimate(self.request, answer) if usage is None else usage
        self.usage = {"model": model, **{name: getattr(usage, name) for name in TOKEN_COLUMNS}}
        now = datetime.now(UTC)
        metadata = {**self._metadata, **{name: note for name, note in notes.items() if note}}
        if usage.raw is not None:
            metadata["usage"] = usage.raw
        record(
            self._target,
            Line(
                id=self.id,
                user_id=self._user_id,
                model=storable_text(model, MODEL_LENGTH),
                provider=storable_text(self._config.provider, PROVIDER_LENGTH),
                **token_columns(usage),
                cost=self._cost(model, usage, now),
                success=error is None,
                error=None if error is None else storable_text(error, ERROR_LENGTH, self._secrets),
                is_estimated=is_estimated,
                metadata=storable_json(metadata, [s for s in self._secrets if len(s) >= _SHORTEST_KEY]),
                created_at=now,
            ),
        )
        return self.usage

    def _cost(self, model: str, usage: Usage, at: datetime) -> Decimal | None:
        """Return the cost by the price of the answering model, else of the requested one."""
        for name in dict.fromkeys((model, self._asked_model)):
            try:
                cost = price_of(name, usage, provider=self._config.provider, at=at)
            except Exception:  # noqa: BLE001  # an odd name or usage must not lose the line
                _log.exception("A call could not be priced; its cost is recorded as unknown")
                return None
            if cost is not None:
                return cost
        return None

    def _hide_secrets(self, error: BaseException) -> None:
        """Replace keys that the provider repeats. The error stays the same object."""
        for secret in self._secrets:
            if secret in _said(error) or secret in repr(getattr(error, "body", "")):
                error.args = tuple(_without(secret, part) for part in error.args)
                for name in ("message", "body"):
                    if hasattr(error, name):
                        setattr(error, name, _without(secret, getattr(error, name)))


def _field(state: Any, name: str) -> Any:
    """Return a field of a state, which may be a mapping or an object."""
    with suppress(Exception):
        return state.get(name) if isinstance(state, Mapping) else getattr(state, name, None)
    return None


def _with_user(given: dict[str, Any], user_id: Any, brought: Any) -> tuple[int | None, dict[str, Any]]:
    """Return the column user_id and the metadata: the library's own names first, then the state's.

    A user_id that is no integer, and values under a taken name, are kept beside them.
    """
    number = as_integer(user_id)
    metadata = dict(given)
    if user_id is not None and number is None:
        metadata["user_id"] = user_id
    if brought is None:
        return number, metadata
    if not isinstance(brought, Mapping):
        return number, {**metadata, "metadata": brought}
    taken: dict[str, Any] = {}
    for name, value in brought.items():
        (taken if name in metadata or name == "usage" else metadata)[str(name)] = value
    return number, {**metadata, "metadata": taken} if taken else metadata


def _reported(body: Any) -> Usage | None:
    return None if body is None else usage_from_response(API, body)


def _estimate(request: Mapping[str, Any], answer: str) -> Usage:
    try:
        return estimate_usage(API, request, answer)
    except Exception:  # noqa: BLE001  # an odd request must not lose the line
        _log.exception("A call's tokens could not be estimated; they are recorded as 0")
        return Usage()


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # an error of the caller's own class may fail to show itself
        return "(cannot be shown)"


def _without(secret: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(secret, HIDDEN)
    if isinstance(value, dict):
        return {name: _without(secret, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without(secret, item) for item in value]
    return value
