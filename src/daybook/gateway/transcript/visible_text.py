"""The visible text of a message's content."""

from typing import Any

import orjson

from daybook.gateway.transcript.json_access import as_dict, as_list, as_text
from daybook.gateway.transcript.storable import storable


def content_text(content: Any) -> str:
    """Return a text, or the texts and refusals among the parts of a content, joined as SDKs join them."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):  # Cloudflare, if a schema was asked for
        return orjson.dumps(storable(content)).decode()
    return "".join(
        as_text(part.get("text")) or as_text(part.get("refusal"))
        for part in map(as_dict, as_list(content))
        if as_text(part.get("type", "text")) in {"text", "output_text", "refusal"}
    )
