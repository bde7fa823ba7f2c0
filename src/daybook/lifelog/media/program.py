"""The ffmpeg program that is used, and what it cannot do."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from daybook.kit.errors import Unavailable
from daybook.settings import settings

_TEST_PICTURE = ("-f", "lavfi", "-i", "color=size=64x64:duration=0.1")
_CHECKSUMS = ("-f", "framecrc", "-")


@cache
def ffmpeg() -> str:
    """Return the path of the ffmpeg program: DAYBOOK_FFMPEG, else that of `imageio-ffmpeg`, else the system's.

    Raises `Unavailable` if it does not run, has no libx264 or is older than 5.1.
    """
    named = settings().ffmpeg
    if named is not None:
        path = str(Path(named).absolute())
        if not _is_usable(path):
            raise Unavailable(
                "DAYBOOK_FFMPEG names no working ffmpeg of version 5.1 or later with libx264. Name another, or unset "
                "it to use the bundled one.",
                code="no_ffmpeg",
            )
        return path
    try:
        found = shutil.which(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        found = None
    if found is None or not _is_usable(found):
        raise Unavailable(
            "This machine has no ffmpeg of version 5.1 or later with libx264: install one, or name it in "
            "DAYBOOK_FFMPEG.",
            code="no_ffmpeg",
        )
    return str(Path(found).absolute())


@cache
def can_drop_packets() -> bool:
    """Return True if bitstream filters apply to an input, which the fast analysis needs: version 7 or later."""
    return _runs(ffmpeg(), "-bsf:v", "null", *_TEST_PICTURE, *_CHECKSUMS)


@cache
def can_map_hdr() -> bool:
    """Return True if there is zscale, which maps high dynamic range to standard range."""
    return _runs(ffmpeg(), *_TEST_PICTURE, "-vf", "zscale", *_CHECKSUMS)


def limitations() -> list[str]:
    """Return a sentence for each thing that the program cannot do, with its consequence and remedy."""
    try:
        program = ffmpeg()
    except Unavailable as problem:
        return [problem.message]
    remedy = "Unset DAYBOOK_FFMPEG to use the bundled ffmpeg, or name a newer one."
    missing: list[str] = []
    if not can_drop_packets():
        missing.append(
            f"{program} is older than version 7 and cannot leave packets out: videos that are long or large are "
            f"decoded whole, which takes several times as long. {remedy}"
        )
    if not can_map_hdr():
        missing.append(
            f"{program} lacks the filter zscale: previews of videos with high dynamic range look gray. {remedy}"
        )
    return missing


def _is_usable(program: str) -> bool:
    return _runs(program, *_TEST_PICTURE, "-fps_mode", "passthrough", "-c:v", "libx264", *_CHECKSUMS)


def _runs(program: str, *arguments: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603  (a program that the administrator chose)
            [program, "-nostdin", "-loglevel", "quiet", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.startswith(b"#")
