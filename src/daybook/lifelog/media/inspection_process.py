"""The inspection process: `python -m daybook.lifelog.media.inspection_process FILE HOURS`.

Prints one JSON object: `{"video": …}` as `schemas.Video`, or `{"refused": code, "detail": …}`. A demuxer that crashes
or exhausts its memory ends only this process.
"""

import json
import os
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.error import MemoryError as FFmpegMemoryError
from av.logging import set_level
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from daybook.lifelog.media.container_structure import Structure, structure_of
from daybook.lifelog.media.containers import CONTAINERS
from daybook.lifelog.media.refusals import RefusedError
from daybook.lifelog.media.signatures import HEAD, kind_of
from daybook.lifelog.media.timing import timing_of

SMALLEST_SIDE = 16  # pixels
LARGEST_SIDE = 16_384
MOST_PIXELS = 7680 * 7680  # cameras that video all around reach 60 million

_MOST_UNDECODABLE = 900  # packets in a row, half a minute
_WIDEST = 10  # of a pixel; beyond that it is a mistake
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_HIGH_RANGE = {16: "smpte2084", 18: "arib-std-b67"}  # AVColorTransferCharacteristic
_MOST_TAGS = 100
_LONGEST_TAG = 512


def main(path: str, hours: str) -> None:
    """Print the result."""
    try:
        told: dict[str, Any] = {"video": inspect(Path(path), float(hours) * 3600)}
    except RefusedError as refusal:
        told = {"refused": refusal.code, "detail": refusal.detail}
    except (MemoryError, FFmpegMemoryError):
        told = {"refused": "reader_out_of_memory", "detail": ""}
    sys.stdout.write(json.dumps(told))


def inspect(path: Path, longest: float) -> dict[str, Any]:
    """Return the fields of `schemas.Video`. Raises `RefusedError`."""
    size = path.stat().st_size
    if size == 0:
        raise RefusedError("empty_file")
    with path.open("rb") as file:
        kind = kind_of(file.read(HEAD))
    if kind is not None:
        raise RefusedError({"playlist": "playlist", "sound": "only_sound"}.get(kind, "not_a_video"), kind)
    structure = structure_of(path)
    if structure.missing:
        raise RefusedError("truncated_video", structure.missing)
    try:
        with av.open(
            f"file:{path.absolute()}",
            options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        ) as container:
            return _video(container, structure, size, longest)
    except FFmpegMemoryError:
        raise
    except FFmpegError as error:
        raise RefusedError("not_a_video", "unknown") from error


def _video(container: InputContainer, structure: Structure, size: int, longest: float) -> dict[str, Any]:
    video = _main_video(container)
    if structure.is_encrypted:
        raise RefusedError("encrypted_video")
    _check_size(video.codec_context.width, video.codec_context.height)
    promised = _promised(container)
    if promised is not None and promised > longest:
        raise RefusedError("video_too_long", f"{promised / 3600:.1f}")
    picture = _first_picture(container, video)
    _check_size(picture.width, picture.height)
    timing = timing_of(container, video, promised)
    if timing["duration"] > longest:
        raise RefusedError("video_too_long", f"{timing['duration'] / 3600:.1f}")
    rotation = round(-picture.rotation / 90) * 90 % 360
    width, height = _shown(picture, video)
    if rotation in {90, 270}:
        width, height = height, width
    return {
        "container": container.format.name,
        "brand": structure.brand,
        "width": width,
        "height": height,
        "coded_width": picture.width,
        "coded_height": picture.height,
        "rotation": rotation,
        **timing,
        "video_index": video.index,
        "video_codec": video.codec_context.codec.canonical_name,
        "pixel_format": picture.format.name,
        "transfer": _HIGH_RANGE.get(int(video.codec_context.color_trc)),
        "full_range": int(video.codec_context.color_range) == _FULL_RANGE
        or picture.format.name.startswith("yuvj"),
        "audio": _audio(container),
        "size_bytes": size,
        "tags": _tags(container, video),
    }


def _main_video(container: InputContainer) -> VideoStream:
    """Return the first video stream that is not a cover."""
    videos = [
        stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic
    ]
    if not videos:
        has_sound = bool(container.streams.audio)
        raise RefusedError(
            "only_sound" if has_sound else "not_a_video", "sound" if has_sound else "no_pictures"
        )
    decodable = [stream for stream in videos if stream.codec_context is not None]  # pyright: ignore[reportUnnecessaryComparison]  (it is None for codecs that is unknown)
    if not decodable:
        raise RefusedError("undecodable_video", "unknown")
    return decodable[0]


def _check_size(width: int, height: int) -> None:
    if not width or not height:  # not told by the container; the first picture will
        return
    if min(width, height) < SMALLEST_SIDE:
        raise RefusedError("pictures_too_small", f"{width} by {height}")
    if max(width, height) > LARGEST_SIDE or width * height > MOST_PIXELS:
        raise RefusedError("pictures_too_large", f"{width} by {height}")


def _promised(container: InputContainer) -> float | None:
    """Return the seconds in the header; None if it has none."""
    return container.duration / av.time_base if container.duration is not None else None


def _first_picture(container: InputContainer, video: VideoStream) -> VideoFrame:
    """Return the first frame that can be decoded; frames before it may be damaged."""
    video.codec_context.thread_count = 1
    for packet in islice(container.demux(video), _MOST_UNDECODABLE):
        try:
            pictures = packet.decode()
        except FFmpegMemoryError:
            raise
        except FFmpegError:
            continue
        if pictures:
            return pictures[0]
    raise RefusedError("undecodable_video", video.codec_context.name)


def _shown(picture: VideoFrame, video: VideoStream) -> tuple[int, int]:
    """Return width and height with square pixels."""
    ratio = video.sample_aspect_ratio or video.codec_context.sample_aspect_ratio
    if not ratio or not 1 / _WIDEST < ratio < _WIDEST:
        return picture.width, picture.height
    return round(picture.width * float(ratio)), picture.height


def _audio(container: InputContainer) -> dict[str, Any] | None:
    """Return the first audio stream that can be decoded."""
    for stream in container.streams.audio:
        context = stream.codec_context
        if context is not None and context.channels:  # pyright: ignore[reportUnnecessaryComparison]  (as above)
            return {
                "index": stream.index,
                "codec": context.codec.canonical_name,
                "channels": context.channels,
                "sample_rate": context.sample_rate or 0,
            }
    return None


def _tags(container: InputContainer, video: VideoStream) -> dict[str, str]:
    """Return the container's tags and those that the video stream adds."""
    tags: dict[str, str] = {}
    for source in (container.metadata, video.metadata):
        for name, value in islice(source.items(), _MOST_TAGS):
            tags.setdefault(name.lower()[:_LONGEST_TAG], str(value)[:_LONGEST_TAG])
    return tags


if __name__ == "__main__":
    set_level(None)
    try:
        main(*sys.argv[1:])
    finally:
        sys.stdout.flush()
        os._exit(0)  # closing what a hostile file left open may hang
