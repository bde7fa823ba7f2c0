"""What can go wrong with a film.

├── NotAFilm        the file is none that can be taken in; `code` and words say why
└── FfmpegFailed    ffmpeg gave up, or took too long
"""

from daybook.kit.errors import Invalid, Unavailable


class NotAFilm(Invalid):
    """The file is not a film that Daybook can take in."""

    code = "not_a_film"


class FfmpegFailed(Unavailable):
    """Ffmpeg ended with an error; the message ends with what it said."""

    code = "ffmpeg_failed"
