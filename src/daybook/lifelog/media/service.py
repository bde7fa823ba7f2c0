"""Videos: inspection, frames, previews and ffmpeg.

Files are untrusted. Each is read by a child process with limits of memory, time and output, which opens no network and
no other file, and ends with its parent.
"""

from daybook.lifelog.media.errors import FfmpegFailed, NotAVideo
from daybook.lifelog.media.ffmpeg import run_ffmpeg, started_ffmpeg, video_input
from daybook.lifelog.media.frames import frames, thumbnail
from daybook.lifelog.media.inspection import inspect
from daybook.lifelog.media.playable import is_playable, suffix_of
from daybook.lifelog.media.previews import make_preview
from daybook.lifelog.media.program import can_drop_packets, ffmpeg, limitations
from daybook.lifelog.media.schemas import Audio, Video

__all__ = [
    "Audio",
    "FfmpegFailed",
    "NotAVideo",
    "Video",
    "can_drop_packets",
    "ffmpeg",
    "frames",
    "inspect",
    "is_playable",
    "limitations",
    "make_preview",
    "run_ffmpeg",
    "started_ffmpeg",
    "suffix_of",
    "thumbnail",
    "video_input",
]
