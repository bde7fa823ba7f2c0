"""What can go wrong with a video.

├── NotAVideo         the file is none that can be ingested; `code` and words say why
├── FfmpegFailed     ffmpeg gave up on the video, or took too long: it would again
└── FfmpegStopped    ffmpeg was ended, or had no room: the video is not the reason, and another try may do
"""

from daybook.kit.errors import Invalid, Unavailable


class NotAVideo(Invalid):
    """The file is not a video that Daybook can ingest."""

    code = "not_a_video"


class FfmpegFailed(Invalid):
    """Ffmpeg ended with an error; the message ends with what it said."""

    code = "ffmpeg_failed"


class FfmpegStopped(Unavailable):
    """Something else than the video ended ffmpeg; the message says what."""

    code = "ffmpeg_stopped"
