"""Text that PostgreSQL can store. It takes neither the NUL character nor lone surrogates; both occur in what
people and models send. They are escaped visibly, so that the rest of the text is kept and nobody is
misled.
"""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str, limit: int | None = None) -> str:
    r"""`text` with NUL and lone surrogates written as `\u0000`, `\ud800`…, cut to `limit` characters."""
    if _UNSTORABLE.search(text):
        text = _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    return text
