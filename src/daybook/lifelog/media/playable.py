"""Playability in browsers, by container and codecs."""

from daybook.lifelog.media.schemas import Video

_WEB_CODECS = {"vp8", "vp9", "av1"}
_WEB_SOUND = {"opus", "vorbis"}
_MP4_SOUND = {"aac", "mp3"}
_PLAIN_PIXELS = {"yuv420p", "yuvj420p"}

_SUFFIXES = {
    "avi": ".avi",
    "mpegts": ".ts",
    "mpeg": ".mpg",
    "flv": ".flv",
    "asf": ".wmv",
    "ogg": ".ogv",
    "mxf": ".mxf",
    "dv": ".dv",
}


def suffix_of(video: Video) -> str:
    """Return the file suffix of the container. The original name's is not trusted: browsers would run a video named
    `.html`.
    """
    if _is_mp4_family(video):
        return ".mov" if _is_quicktime(video) else ".mp4"
    if video.container.startswith("matroska"):
        return ".webm" if _is_webm(video) else ".mkv"
    return _SUFFIXES.get(video.container, ".bin")


def is_playable(video: Video) -> bool:
    """Return True if all browsers play the file unchanged."""
    if _is_mp4_family(video):
        return not _is_quicktime(video) and has_playable_streams(video)
    return video.container.startswith("matroska") and _is_webm(video) and video.video_codec != "av1"


def has_playable_streams(video: Video) -> bool:
    """Return True if all browsers would play its streams in an MP4 container."""
    return (
        video.video_codec == "h264"
        and video.pixel_format in _PLAIN_PIXELS
        and (video.audio is None or video.audio.codec in _MP4_SOUND)
    )


def _is_mp4_family(video: Video) -> bool:
    return video.container.startswith("mov,")


def _is_quicktime(video: Video) -> bool:
    return video.brand is None or video.brand.strip() == "qt"


def _is_webm(video: Video) -> bool:
    return video.video_codec in _WEB_CODECS and (video.audio is None or video.audio.codec in _WEB_SOUND)
