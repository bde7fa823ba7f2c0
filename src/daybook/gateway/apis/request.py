"""A request's body as the two columns of the call log: the question, and all the rest."""

from typing import Any

from daybook.gateway.apis.api import Api
from daybook.gateway.transcript.json_access import as_dict
from daybook.gateway.transcript.storable import storable, storable_text

RAW_LIMIT = 10_000
"""Characters that are kept of a body that is no JSON object."""


def request_parts(api: Api, body: Any) -> tuple[Any, dict[str, Any]]:
    """Return `request_messages` (the question) and `request_params` (model, temperature, tools, …).

    If the API has one member for the question, `request_messages` is its value (chat: the list of messages). If it has
    several, it is an object of those present (Anthropic: `{"system": …, "messages": …}`). It is `{}` without a question
    and `{"raw": …}` if the body is no JSON object; it is never None. Both are fit for JSONB, with files replaced by
    markers (`storable`).
    """
    if not isinstance(body, dict):
        return {"raw": _raw(body)}, {}
    whole = dict(as_dict(storable(body)))
    for names in api.questions:
        asked = {name: whole.pop(name) for name in names if whole.get(name) is not None}
        if asked:
            return (asked if len(names) > 1 else next(iter(asked.values()))), whole
    return {}, whole


def _raw(body: Any) -> Any:
    if isinstance(body, bytes | bytearray | memoryview):
        body = bytes(body[: RAW_LIMIT * 4]).decode("utf-8", "replace")
    if isinstance(body, str):
        return storable_text(body[:RAW_LIMIT])
    return storable(body)
