"""Errors of media.

├── NotAVideo        the file cannot be ingested; `code` and message give the reason
├── FfmpegFailed     ffmpeg failed on the video or took too long; a retry would fail too
└── FfmpegStopped    ffmpeg was killed or had no room; a retry may succeed
"""

from daybook.kit.errors import Invalid, Unavailable


class NotAVideo(Invalid):
    """The file is not a video that Daybook can ingest."""

    code = "not_a_video"


class FfmpegFailed(Invalid):
    """Ffmpeg ended with an error; the message ends with its output."""

    code = "ffmpeg_failed"


class FfmpegStopped(Unavailable):
    """Ffmpeg was stopped by something other than the video; the message gives the reason."""

    code = "ffmpeg_stopped"
