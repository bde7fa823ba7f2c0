"""Keys of files: `users/<user_id>/recordings/<recording_id>/<file_id>.mp4`, thumbnails and previews beside."""

import re
from pathlib import PurePosixPath

from daybook.storage.errors import InvalidKey

LONGEST = 512

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")

_TYPES = {
    ".3gp": "video/3gpp",
    ".aac": "audio/aac",
    ".avi": "video/x-msvideo",
    ".avif": "image/avif",
    ".dv": "video/dv",
    ".flac": "audio/flac",
    ".flv": "video/x-flv",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".mts": "video/mp2t",
    ".mxf": "application/mxf",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".png": "image/png",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".wmv": "video/x-ms-wmv",
}
"""Types that cannot run scripts in a browser. Any other file is served as a download."""


def checked_key(key: str) -> str:
    """Return `key` if it is valid: ASCII letters, digits, `.`, `_` and `-`, in parts that do not begin with a dot.

    So no key leads out of the store. Raises `InvalidKey`.
    """
    if len(key) > LONGEST or not _KEY.fullmatch(key):
        raise InvalidKey("This is not a valid key of a stored file.")
    return key


def content_type_of(key: str) -> str:
    """The content type of a file, by its suffix."""
    return _TYPES.get(PurePosixPath(key).suffix.lower(), "application/octet-stream")
