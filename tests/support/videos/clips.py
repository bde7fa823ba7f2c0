"""Small videos of our own making, and files that only look like videos."""

import subprocess
from functools import cache

import imageio_ffmpeg


@cache
def clip(number: int = 0, seconds: float = 1.0) -> bytes:
    """An MP4 of 64 by 48 pixels with sound; another number is another video."""
    source = f"color=c=0x{number * 2654435 % 0xFFFFFF:06x}:s=64x48:r=10:d={seconds}"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source,
        "-f", "lavfi", "-i", f"sine=frequency={300 + number}:duration={seconds}",
        "-c:v", "mpeg4", "-c:a", "aac", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov", "pipe:1",
    ]  # fmt: skip
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def long_clip(size: int, number: int = 0) -> bytes:
    """The same video in a file of `size` bytes: a box that players skip makes up the rest."""
    video = clip(number)
    rest = size - len(video)
    return video + rest.to_bytes(4, "big") + b"free" + bytes(index % 251 for index in range(rest - 8))
