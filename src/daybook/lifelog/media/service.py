"""Films: what they are, pictures of them, and ffmpeg, which does the work.

Files come from strangers. Whatever reads one is a child process with limits of memory, time and output, which opens no
network and no other file, and ends with us.
"""

from daybook.lifelog.media.errors import FfmpegFailed, NotAFilm
from daybook.lifelog.media.ffmpeg import film_input, run_ffmpeg, started_ffmpeg
from daybook.lifelog.media.pictures import frames
from daybook.lifelog.media.probe import probe
from daybook.lifelog.media.program import ffmpeg
from daybook.lifelog.media.schemas import Audio, Film

__all__ = [
    "Audio",
    "FfmpegFailed",
    "Film",
    "NotAFilm",
    "ffmpeg",
    "film_input",
    "frames",
    "probe",
    "run_ffmpeg",
    "started_ffmpeg",
]
