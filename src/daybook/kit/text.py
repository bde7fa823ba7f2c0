"""Text that PostgreSQL can store. It accepts neither NUL nor lone surrogates, which users and models do send. They are
escaped visibly, so that the rest of the text is kept.
"""

from llm_tracker.storable import escaped


def storable(text: str, limit: int | None = None) -> str:
    r"""`text` with NUL and lone surrogates written as `\u0000`, `\ud800`…, cut to `limit` characters."""
    text = escaped(text)
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"
