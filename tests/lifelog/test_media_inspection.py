"""What a file is: videos are measured, everything else is refused with words."""

import gzip
import shutil
import zipfile
from pathlib import Path

import pytest

from daybook.lifelog.media import inspection as probing
from daybook.lifelog.media.errors import NotAVideo
from daybook.lifelog.media.service import inspect, is_playable
from support.videos.made import footage, needs_footage, run_program

REAL = {
    # start of the name: seconds, size as shown, rotation, frames per second, uneven, codec, sound
    "bbb_trailer": (55.125, (1280, 720), 0, 24, False, "h264", "mp3"),
    "bikes": (10.0, (640, 272), 0, 25, False, "h264", None),
    "carphone": (4.004, (193, 144), 0, 29.97, False, "h264", None),  # 176 by 144 pixels, which are not square
    "chaplin": (9.64, (640, 360), 0, 25, False, "h264", "mp3"),
    "edge_box": (15.184, (640, 480), 0, 29.97, False, "h264", "mp3"),
    "edge_no_duration": (4.94, (1280, 720), 0, 15, False, "vp9", "opus"),
    "fire2": (2.38, (1280, 720), 180, 10.5, True, "h264", "aac"),
    "greenscreen": (24.433, (1280, 720), 0, 30, False, "h264", "aac"),
    "synthetic_timecode": (42.4, (1280, 720), 0, 30, False, "h264", "aac"),
    "vtest_pedestrians": (79.5, (768, 576), 0, 10, False, "msmpeg4v3", None),
    "world": (30.527, (480, 270), 0, 30, False, "h264", "aac"),
}


async def refused(path) -> NotAVideo:
    with pytest.raises(NotAVideo) as caught:
        await inspect(path)
    assert caught.value.message.endswith(".")
    return caught.value


@needs_footage
@pytest.mark.parametrize("start", REAL)
async def test_real_clips_are_measured(start):
    seconds, size, rotation, fps, uneven, codec, sound = REAL[start]
    video = await inspect(footage(start))

    assert video.duration == pytest.approx(seconds, abs=1 / fps)
    assert (video.width, video.height) == size
    assert video.rotation == rotation
    assert video.fps == pytest.approx(fps, rel=0.01)
    assert video.is_vfr is uneven
    assert video.video_codec == codec
    assert (video.audio and video.audio.codec) == sound


@needs_footage
def test_every_real_clip_is_tried():
    folder = footage("bikes").parent
    clips = [path.name for path in folder.iterdir() if path.suffix != ".md"]
    assert sorted(clips) == sorted(footage(start).name for start in REAL)


async def test_a_video_is_measured(videos):
    video = await inspect(videos.make("a.mp4", "-c:a", "aac", seconds=2, size="320x180", fps=25, sound=True))
    assert video.duration == pytest.approx(2, abs=0.05)
    assert (video.width, video.height, video.fps) == (320, 180, 25)
    assert (video.video_codec, video.audio.codec, video.audio.channels) == ("h264", "aac", 1)
    assert not video.is_vfr


@pytest.mark.parametrize(("turned", "size"), [(90, (90, 160)), (180, (160, 90)), (270, (90, 160))])
async def test_a_turned_video_is_shown_upright(videos, turned, size):
    upright = videos.make("a.mp4")
    video = await inspect(videos.again(upright, "turned.mp4", before=("-display_rotation:v:0", str(-turned))))
    assert (video.rotation, (video.width, video.height)) == (turned, size)
    assert (video.coded_width, video.coded_height) == (160, 90)


async def test_pixels_that_are_not_square_are_shown_so(videos):
    video = await inspect(videos.make("a.mp4", "-vf", "setsar=2", size="160x90"))
    assert (video.width, video.height, video.coded_width) == (320, 90, 160)


async def test_uneven_pictures_are_seen(videos):
    video = await inspect(
        videos.make("a.mkv", "-vf", "select='not(mod(n,2))+lt(n,20)'", "-fps_mode", "vfr", fps=30, seconds=3)
    )
    assert video.is_vfr
    assert video.duration == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mov", ()),
        ("a.mkv", ()),
        ("a.avi", ("-c:v", "mpeg4")),
        ("a.avi", ("-c:v", "msmpeg4", "-g", "30")),
        ("a.webm", ("-c:v", "libvpx", "-deadline", "realtime")),
        ("a.ts", ()),
        ("a.mpg", ("-c:v", "mpeg2video", "-r", "25")),
        ("a.wmv", ("-c:v", "wmv2")),
        ("a.flv", ()),
        ("a.3gp", ()),
        ("a.ogv", ("-c:v", "libtheora")),
        ("a.mp4", ("-movflags", "frag_keyframe+empty_moov")),
        ("a.mp4", ("-pix_fmt", "yuv422p10le")),
        ("a.mp4", ("-c:v", "libx265", "-x265-params", "log-level=none")),
    ],
)
async def test_every_usual_container_and_codec_is_taken(videos, name, options):
    video = await inspect(videos.make(name, *options, seconds=2, fps=25))
    assert video.duration == pytest.approx(2, abs=0.1)
    assert (video.width, video.height) == (160, 90)


async def test_a_video_whose_header_tells_no_length_is_read_to_its_end(videos):
    path = videos.folder / "live.webm"
    path.write_bytes(
        run_program(
            *("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10:duration=3"),
            *("-c:v", "libvpx", "-deadline", "realtime", "-f", "webm", "-live", "1", "pipe:1"),
        )
    )
    video = await inspect(path)
    assert video.duration == pytest.approx(3, abs=0.11)


async def test_a_video_whose_first_pictures_are_broken_is_taken(videos):
    whole = videos.make("whole.ts", "-g", "10", "-bf", "0", seconds=3)
    cut = videos.write("cut.ts", whole.read_bytes()[188 * 40 :])
    video = await inspect(cut)
    assert 1 < video.duration <= 3


# What is refused


async def test_an_empty_file_is_refused(videos):
    assert (await refused(videos.write("a.mp4", b""))).code == "empty_file"


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.98])
@pytest.mark.parametrize(
    "name", ["index_last.mp4", "index_first.mp4", "fragments.mp4", "matroska.mkv", "riff.avi"]
)
async def test_a_video_that_breaks_off_is_refused(videos, name, keep):
    options = {
        "index_first.mp4": ("-movflags", "+faststart"),
        "fragments.mp4": ("-movflags", "frag_keyframe+empty_moov", "-g", "10"),
        "riff.avi": ("-c:v", "mpeg4"),
    }
    whole = videos.make(name, *options.get(name, ()), seconds=4)
    content = whole.read_bytes()
    refusal = await refused(videos.write(f"cut_{name}", content[: int(len(content) * keep)]))
    assert refusal.code == "truncated_video"
    assert "is incomplete" in refusal.message


async def test_an_index_that_promises_more_than_there_is_is_refused(videos):
    """The outermost sizes are right, but most of what the index names is not there."""
    content = videos.make(
        "whole.mp4", "-movflags", "+faststart", "-g", "10", seconds=8, size="320x180"
    ).read_bytes()
    at = content.index(b"mdat") - 4
    kept = at + (len(content) - at) // 3
    lying = content[:at] + (kept - at).to_bytes(4, "big") + content[at + 4 : kept]
    assert (await refused(videos.write("lying.mp4", lying))).code == "truncated_video"


def _zip(folder: Path) -> bytes:
    path = folder / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.mp4", b"x" * 1000)
    return path.read_bytes()


NO_VIDEOS = {
    "text": (b"Dear diary,\n\ntoday I was at the lake.\n", "text"),
    "chinese": ("今天去了湖邊。\n".encode(), "text"),
    "utf16": ("today".encode("utf-16"), "text"),
    "html": (b"<!doctype html><script>alert(1)</script>", "text"),
    "subtitles": (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n", "subtitles"),
    "webvtt": (b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n", "subtitles"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "document"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "still picture"),
    "heic": (b"\x00\x00\x00\x18ftypheic" + bytes(100), "still picture"),
    "gzip": (gzip.compress(b"video"), "archive"),
    "elf": (b"\x7fELF" + bytes(100), "program"),
    "noise": (bytes(range(256)) * 50, "cannot be read"),
    "zeros": (bytes(100_000), "cannot be read"),
    "mp4_of_noise": (b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 40, "truncated_video"),
}


@pytest.mark.parametrize("kind", NO_VIDEOS)
async def test_what_is_no_video_is_refused_by_its_name(videos, kind):
    content, word = NO_VIDEOS[kind]
    refusal = await refused(videos.write("video.mp4", content))
    if word == "truncated_video":
        assert refusal.code == "truncated_video"
    else:
        assert refusal.code == "not_a_video"
        assert any(choice in refusal.message for choice in word.split("|"))


async def test_an_archive_of_videos_is_refused(videos):
    refusal = await refused(videos.write("videos.mp4", _zip(videos.folder)))
    assert "unpack it" in refusal.message


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp3", ("-c:a", "libmp3lame")),
        ("b.mp3", ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0")),
        ("a.m4a", ("-c:a", "aac")),
        ("a.wav", ()),
        ("a.ogg", ("-c:a", "libvorbis")),
        ("a.flac", ()),
        ("a.mka", ("-c:a", "aac")),
        ("a.aac", ("-c:a", "aac")),
    ],
)
async def test_sound_alone_is_refused(videos, name, options):
    path = videos.folder / name
    run_program("-f", "lavfi", "-i", "sine=duration=1", *options, str(path))
    assert (await refused(path)).code == "only_sound"


async def test_a_cover_is_no_moving_picture(videos):
    picture, sound = videos.folder / "cover.png", videos.folder / "song.m4a"
    run_program("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=1:duration=1", "-frames:v", "1", str(picture))
    run_program(
        *("-f", "lavfi", "-i", "sine=duration=1", "-i", str(picture), "-map", "0", "-map", "1"),
        *("-c:a", "aac", "-c:v", "copy", "-disposition:v:0", "attached_pic", str(sound)),
    )
    assert (await refused(sound)).code == "only_sound"


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{path}\n#EXT-X-ENDLIST\n",
    "m3u8 of an address": "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n",
    "spaces first": "  \n#EXTM3U\n#EXTINF:10,\n{path}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{path}'\n",
    "concat": "file '{path}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{path}</BaseURL></MPD>',
    "pls": "[playlist]\nFile1={path}\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
async def test_a_playlist_is_refused_although_its_video_is_good(videos, kind):
    good = videos.make("good.ts")
    playlist = videos.write("playlist.mp4", PLAYLISTS[kind].format(path=good).encode())
    assert (await refused(playlist)).code == "playlist"


async def test_a_playlist_behind_other_bytes_opens_no_other_file(videos):
    """A demuxer guesses by what it finds; only containers of videos may be guessed."""
    good = videos.make("good.ts")
    text = PLAYLISTS["m3u8"].format(path=good).encode()
    refusal = await refused(videos.write("hidden.m3u8", b"\x01" + text))
    assert refusal.code == "not_a_video"


async def test_an_encrypted_video_is_refused(videos):
    clear = videos.make("clear.mp4")
    locked = videos.again(
        clear,
        "locked.mp4",
        *("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb"),
        *("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8"),
    )
    assert (await refused(locked)).code == "encrypted_video"


async def test_a_video_without_a_picture_that_can_be_decoded_is_refused(videos):
    content = bytearray(videos.make("good.mp4", "-movflags", "+faststart", seconds=2).read_bytes())
    at = content.index(b"mdat") + 4
    content[at:] = bytes((byte * 7 + 13) % 256 for byte in range(len(content) - at))
    refusal = await refused(videos.write("scrambled.mp4", bytes(content)))
    assert refusal.code == "undecodable_video"
    assert "h264" in refusal.message


async def test_a_video_that_is_too_long_is_refused(videos, monkeypatch):
    path = videos.make("long.mp4", seconds=3)
    monkeypatch.setattr(probing.settings(), "longest_recording", 2 / 3600)
    refusal = await refused(path)
    assert refusal.code == "video_too_long"
    assert "DAYBOOK_LONGEST_RECORDING" in refusal.message


async def test_a_header_that_claims_years_is_not_believed(videos):
    content = bytearray(videos.make("a.mp4", seconds=1).read_bytes())
    for box, place in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        at = content.index(box) + place
        content[at : at + 4] = b"\x7f\xff\xff\xff"
    video = await inspect(videos.write("years.mp4", bytes(content)))
    assert video.duration == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("size", "code"),
    [("8x8", "pictures_too_small"), ("16x2", "pictures_too_small"), ("17000x32", "pictures_too_large")],
)
async def test_absurd_sizes_are_refused(videos, size, code):
    path = videos.make("a.mkv", size=size, codec=("-c:v", "ffv1"), seconds=0.2, pattern="color")
    assert (await refused(path)).code == code


async def test_a_reader_that_breaks_down_is_a_refusal(videos, monkeypatch):
    """Whatever happens to the process that looks at a file happens to it alone."""
    path = videos.make("a.mp4")
    for script in ("import os; os.kill(os.getpid(), 11)", "import sys; sys.exit(3)", "print('no json')"):
        monkeypatch.setattr(probing, "INSPECTION", ("-c", script))
        assert (await refused(path)).code == "reader_crashed"
    monkeypatch.setattr(probing, "INSPECTION", ("-c", "import os; os.kill(os.getpid(), 9)"))
    assert (await refused(path)).code == "reader_killed"


async def test_a_reader_that_eats_its_memory_or_time_is_a_refusal(videos, monkeypatch):
    path = videos.make("a.mp4")
    monkeypatch.setattr(probing, "INSPECTION", ("-c", "x = bytearray(4 * 2**30)"))
    assert (await refused(path)).code == "reader_crashed"
    monkeypatch.setattr(probing, "INSPECTION", ("-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(probing, "_SECONDS", 0.5)
    assert (await refused(path)).code == "reader_too_slow"


async def test_looking_leaves_nothing_and_changes_nothing(videos):
    path = videos.make("a.mp4")
    before = path.read_bytes(), sorted(videos.folder.iterdir())
    await inspect(path)
    assert (path.read_bytes(), sorted(videos.folder.iterdir())) == before


async def test_a_name_is_no_address(videos, monkeypatch):
    """A path may look like anything."""
    for name in ("http:a.mp4", "concat:a|b.mp4", "-i.mp4", "%03d.mp4", "a b'c.mp4", "影片.mp4"):
        shutil.copy(videos.make("plain.mp4"), videos.folder / name)
        monkeypatch.chdir(videos.folder)
        assert (await inspect(Path(name))).width == 160
        assert (await inspect(videos.folder / name)).width == 160


async def test_what_browsers_play_is_known(videos):
    playable = videos.make("a.mp4", "-c:a", "aac", sound=True)
    assert is_playable(await inspect(playable))
    for name, options in {
        "a.mov": (),
        "a.mkv": (),
        "a.avi": ("-c:v", "mpeg4"),
        "hevc.mp4": ("-c:v", "libx265", "-x265-params", "log-level=none"),
        "ten_bits.mp4": ("-pix_fmt", "yuv420p10le"),
        "ac3.mp4": ("-c:a", "ac3"),
    }.items():
        assert not is_playable(await inspect(videos.make(name, *options, sound="ac3" in name))), name
