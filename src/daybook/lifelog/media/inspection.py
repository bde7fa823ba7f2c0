"""Inspection of a file in a child process: the video's facts, or the reason for its rejection."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from daybook.kit.text import storable
from daybook.lifelog.media import child_process
from daybook.lifelog.media.child_process import Limits
from daybook.lifelog.media.errors import NotAVideo
from daybook.lifelog.media.schemas import Video
from daybook.settings import settings

INSPECTION = ("-m", "daybook.lifelog.media.inspection_process")
"""Python's arguments to inspect a file."""

_MEMORY = 3 * 2**30
_SECONDS = 60.0
_SLOWEST = 50 * 2**20
"""Bytes per second: a video without a length in its header is read to its end."""

_MOST_OUTPUT = 2**20

_THINGS = {
    "archive": "an archive: unpack it and send the videos that are in it",
    "document": "a document",
    "program": "a program",
    "picture": "a still picture",
    "subtitles": "subtitles without their video",
    "text": "text",
    "no_pictures": "a container without moving pictures",
    "unknown": "a file that cannot be read as a video: it is damaged, or of an unknown kind",
}

_WORDS = {
    "empty_file": "The file is empty: nothing of it has arrived, or the camera never wrote it.",
    "truncated_video": "The video is incomplete: {detail} are missing. Copy it again from the camera. If it is "
    "incomplete there too, the camera was stopped while it wrote; its own tool may repair the file.",
    "playlist": "This is a playlist: it only names where a video is. Send the video itself.",
    "only_sound": "The file has sound but no moving pictures; Daybook takes videos.",
    "not_a_video": "This is not a video. It is {thing}.",
    "encrypted_video": "The video is encrypted, so no frame can be decoded. Send a copy without protection.",
    "undecodable_video": "No frame of this video can be decoded ({detail}): the file is damaged, encrypted, "
    "or of an unknown codec.",
    "video_too_long": "The video is {detail} hours long, and at most {hours:g} are accepted "
    "(DAYBOOK_LONGEST_RECORDING). Cut it into parts.",
    "pictures_too_large": "The pictures are too large to work with: {detail} pixels.",
    "pictures_too_small": "The pictures are too small to see anything: {detail} pixels.",
    "reader_out_of_memory": "Reading this video takes more memory than a real one needs: it is damaged or malicious.",
    "reader_too_slow": "Reading this video takes longer than a real one needs: it is damaged or malicious.",
    "reader_killed": "The video parser was killed while it read this file, perhaps because the machine "
    "had no memory left. Send the video again; if it happens again, the file is malicious.",
    "reader_crashed": "The video parser crashed on this file: it is damaged or malicious.",
}


async def inspect(path: Path) -> Video:
    """Return the facts of the video at `path`. Raises `NotAVideo` with a code and message."""
    hours = settings().longest_recording
    command = [sys.executable, "-I", *INSPECTION, str(path), f"{hours}"]
    seconds = _SECONDS + await asyncio.to_thread(_size, path) / _SLOWEST
    output = b""
    try:
        async with child_process.run_child(command, Limits(seconds, memory=_MEMORY, file_size=0)) as child:
            if child.process.stdout is not None:
                output = await child.process.stdout.read(_MOST_OUTPUT)
                while len(output) < _MOST_OUTPUT and (more := await child.process.stdout.read(_MOST_OUTPUT)):
                    output += more
    except TimeoutError:
        raise refusal("reader_too_slow") from None
    try:
        told: dict[str, Any] = json.loads(output)
    except ValueError:
        is_killed = child.process.returncode == -signal.SIGKILL
        raise refusal("reader_killed" if is_killed else "reader_crashed") from None
    if "video" not in told:
        raise refusal(told["refused"], told["detail"])
    return Video.model_validate(told["video"])


def refusal(code: str, detail: str = "") -> NotAVideo:
    """Return the rejection with its message."""
    words = _WORDS[code].format(
        detail=storable(detail, 200), thing=_THINGS.get(detail, detail), hours=settings().longest_recording
    )
    details = {
        "detail": storable(detail, 200).replace(" by ", "\u00d7"),
        "hours": settings().longest_recording,
    }
    return NotAVideo(words, code=code, details=details)


def _size(path: Path) -> int:
    return path.stat().st_size
