"""What browsers play, decided by container and codecs."""

from daybook.lifelog.media.schemas import Film

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


def suffix_of(film: Film) -> str:
    """What a file of that container should end in. What its owner called it is not believed: a film named `.html` is
    none to a browser.
    """
    if _is_mp4_family(film):
        return ".mov" if _is_quicktime(film) else ".mp4"
    if film.container.startswith("matroska"):
        return ".webm" if _is_webm(film) else ".mkv"
    return _SUFFIXES.get(film.container, ".bin")


def is_playable(film: Film) -> bool:
    """Whether all browsers play the file as it is."""
    if _is_mp4_family(film):
        return not _is_quicktime(film) and has_playable_streams(film)
    return film.container.startswith("matroska") and _is_webm(film) and film.video_codec != "av1"


def has_playable_streams(film: Film) -> bool:
    """Whether all browsers would play its pictures and sound in an MP4 file: another container is enough then."""
    return (
        film.video_codec == "h264"
        and film.pixel_format in _PLAIN_PIXELS
        and (film.audio is None or film.audio.codec in _MP4_SOUND)
    )


def _is_mp4_family(film: Film) -> bool:
    return film.container.startswith("mov,")


def _is_quicktime(film: Film) -> bool:
    return film.brand is None or film.brand.strip() == "qt"


def _is_webm(film: Film) -> bool:
    return film.video_codec in _WEB_CODECS and (film.audio is None or film.audio.codec in _WEB_SOUND)
