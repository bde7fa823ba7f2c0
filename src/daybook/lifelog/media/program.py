"""Which ffmpeg is used."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from daybook.kit.errors import Unavailable
from daybook.settings import settings


@cache
def ffmpeg() -> str:
    """The path of the ffmpeg program: DAYBOOK_FFMPEG, else the system's, else the one of `imageio-ffmpeg`.

    The system's is passed by where it cannot write H.264: some distributions leave that out. Raises `Unavailable`.
    """
    named = settings().ffmpeg
    if named is not None:
        if not _writes_h264(str(named)):
            raise Unavailable("DAYBOOK_FFMPEG names no ffmpeg that works and has libx264.", code="no_ffmpeg")
        return str(Path(named).absolute())
    found = shutil.which("ffmpeg")
    if found is not None and _writes_h264(found):
        return str(Path(found).absolute())
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        raise Unavailable(
            "There is no ffmpeg on this machine: install one, or name it in DAYBOOK_FFMPEG.", code="no_ffmpeg"
        ) from None


def _writes_h264(program: str) -> bool:
    try:
        told = subprocess.run(  # noqa: S603  (a program that the operator chose)
            [program, "-hide_banner", "-encoders"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b" libx264 " in told.stdout
