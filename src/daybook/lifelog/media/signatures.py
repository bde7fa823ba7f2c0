"""File types by their first bytes, for the message of a rejection.

A file is rejected by its first bytes only if they certainly belong to another type.
"""

import codecs

HEAD = 4096  # bytes that are looked at

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"#EXTM3U", "playlist"),
    (b"ffconcat", "playlist"),
    (b"[playlist]", "playlist"),
    (b"PK\x03\x04", "archive"),
    (b"PK\x05\x06", "archive"),
    (b"Rar!\x1a\x07", "archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"\x1f\x8b", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ\x00", "archive"),
    (b"\x28\xb5\x2f\xfd", "archive"),
    (b"%PDF-", "document"),
    (b"\xd0\xcf\x11\xe0", "document"),
    (b"\x7fELF", "program"),
    (b"MZ", "program"),
    (b"\xff\xd8\xff", "picture"),
    (b"\x89PNG", "picture"),
    (b"GIF8", "picture"),
    (b"BM", "picture"),
    (b"II*\x00", "picture"),
    (b"MM\x00*", "picture"),
    (b"ID3", "sound"),
    (b"fLaC", "sound"),
    (b"#!AMR", "sound"),
    (b"WEBVTT", "subtitles"),
    (b"SQLite format 3", "document"),
)

_RIFF = {b"WEBP": "picture", b"WAVE": "sound"}

_PICTURE_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"crx "}
"""Brands of still pictures in MP4's container."""


def kind_of(head: bytes) -> str | None:
    """Return the type of a file that begins with `head`; None if it may be a video."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for magic, kind in _MAGIC:
        if head.startswith(magic) or (kind == "playlist" and text.startswith(magic)):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return "picture" if head[8:12] in _PICTURE_BRANDS else None
    if head[257:262] == b"ustar":
        return "archive"
    if _is_text(head):
        return _kind_of_text(text)
    return "sound" if head[:1] == b"\xff" and head[1:2] >= b"\xe0" else None  # frames of MP3 or AAC


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not any(byte < ord(" ") and byte not in b"\t\n\r\f\x1b" for byte in head)


def _kind_of_text(text: bytes) -> str:
    if b" --> " in text or text.startswith(b"[Script Info]"):
        return "subtitles"
    if b"<MPD" in text or b"<SmoothStreamingMedia" in text or b"<smil" in text:
        return "playlist"
    first = text.partition(b"\n")[0]
    if first.startswith((b"file ", b"http://", b"https://")):
        return "playlist"
    return "text"
