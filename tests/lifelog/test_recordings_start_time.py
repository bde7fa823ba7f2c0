"""When a recording begins, out of tags, names and file times; local times are the person's own, never UTC."""

from datetime import UTC, datetime, timedelta

import pytest

from daybook.lifelog.media.schemas import Video
from daybook.lifelog.recordings.file_names import time_in_name
from daybook.lifelog.recordings.start_time import Evidence, local_to_utc, start_time_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TAIPEI, BERLIN, TOKYO, NEW_YORK = "Asia/Taipei", "Europe/Berlin", "Asia/Tokyo", "America/New_York"


def video(brand="isom", duration=10.0, **tags):
    return Video(
        container="mov,mp4,m4a,3gp,3g2,mj2",
        brand=brand,
        duration=duration,
        width=160,
        height=90,
        coded_width=160,
        coded_height=90,
        rotation=0,
        fps=30,
        is_vfr=False,
        video_index=0,
        video_codec="h264",
        pixel_format="yuv420p",
        audio=None,
        size_bytes=1,
        tags={name.replace("__", "."): value for name, value in tags.items()},
    )


def begins(name="video.mp4", timezone=TAIPEI, file_time=None, **tags):
    """When, and how that is known, in one line."""
    found = start_time_of(Evidence(video(**tags), name, timezone, NOW, file_time))
    return f"{found.start:%Y-%m-%d %H:%M:%S} {found.source}"


def test_a_phones_tag_with_an_offset_goes_first():
    tags = {
        "com__apple__quicktime__creationdate": "2024-01-31T23:30:00+0800",
        "creation_time": "2024-02-03T10:00:00.000000Z",
    }
    assert begins("IMG_1234.MOV", **tags) == "2024-01-31 15:30:00 quicktime"
    assert begins("VID_20240215_120000.mp4", **tags) == "2024-01-31 15:30:00 quicktime"


def test_the_containers_time_is_utc_by_the_standard():
    assert begins(creation_time="2024-01-31T15:30:00.000000Z") == "2024-01-31 15:30:00 container"


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("GX010123.MP4", {}),
        ("video.mp4", {"firmware": "HD9.01.01.60.00"}),
        ("video.mp4", {"handler_name": "GoPro AVC"}),
        ("DJI_0007.MP4", {}),
        ("video.mp4", {"encoder": "DJI Mavic 2"}),
        ("video.mp4", {"make": "Canon"}),
        ("video.mp4", {"compatible_brands": "mp42avc1CAEP"}),
        ("video.mp4", {"compatible_brands": "mp42avc1niko"}),
        ("video.mp4", {"com__apple__quicktime__make": "Insta360"}),
        ("MVI_1234.MP4", {}),
    ],
)
def test_cameras_that_know_no_timezone_write_their_clock_as_if_it_were_utc(name, tags):
    told = begins(name, creation_time="2024-01-31T23:30:00.000000Z", **tags)
    assert told == "2024-01-31 15:30:00 container"


@pytest.mark.parametrize(
    "tags", [{"com__android__version": "14"}, {"com__apple__quicktime__make": "Apple"}, {"encoder": "Lavf60"}]
)
def test_phones_and_programs_write_utc(tags):
    assert begins(creation_time="2024-01-31T15:30:00Z", **tags) == "2024-01-31 15:30:00 container"


def test_a_tag_without_offset_is_local():
    assert begins(creation_time="2024-01-31 23:30:00") == "2024-01-31 15:30:00 container"
    assert begins(date_recorded="2024-01-31 23:30:00") == "2024-01-31 15:30:00 container"
    assert begins(datetimeoriginal="2024:01:31 23:30:00") == "2024-01-31 15:30:00 container"


@pytest.mark.parametrize(
    "name",
    [
        "VID_20240131_233000.mp4",
        "20240131_233000.mp4",
        "IMG_20240131_233000_1.mp4",
        "DJI_20240131233000_0001_D.MP4",
        "2024-01-31 23.30.00.mp4",
        "Screen Recording 2024-01-31 at 11.30.00\u202fPM.mov",
        "ScreenRecording_01-31-2024 23-30-00_1.MP4",
        "Screen_Recording_20240131_233000_Maps.mp4",
        "screen-20240131-233000.mp4",
        "WhatsApp Video 2024-01-31 at 11.30.00 PM.mp4",
        "WIN_20240131_23_30_00_Pro.mp4",
        "2024_0131_233000_001.MP4",
        "VID_20240131_233000_00_001.mp4",
        "signal-2024-01-31-233000.mp4",
    ],
)
def test_names_have_local_times(name):
    assert begins(name) == "2024-01-31 15:30:00 file_name"


@pytest.mark.parametrize(
    "name",
    [
        "PXL_20240131_153000123.mp4",
        "PXL_20240131_153000123.TS.mp4",
        "GMT20240131-153000_Recording.mp4",
        "2024-01-31T15:30:00Z.mp4",
        "RPReplay_Final1706715000.MP4",
    ],
)
def test_some_names_have_utc(name):
    assert begins(name) == "2024-01-31 15:30:00 file_name"


@pytest.mark.parametrize(
    "name",
    ["MVI_1234.mp4", "IMG_E1234.MOV", "GH010123.MP4", "GOPR0123.MP4", "2024-13-45 12.00.00.mp4", "video.mp4",
     "12345678901234567890.mp4", "a" * 300 + ".mp4", "VID_99999999_999999.mp4"],
)  # fmt: skip
def test_names_without_a_time_say_nothing(name):
    assert time_in_name(name) is None
    assert begins(name) == "2026-11-20 12:00:00 upload"


def test_a_name_with_only_a_day_chooses_among_what_else_is_known():
    name = "VID-20240131-WA0001.mp4"
    on_the_day = datetime(2024, 1, 31, 15, 30, tzinfo=UTC)
    assert begins(name, file_time=on_the_day) == "2024-01-31 15:29:50 file_time"
    assert begins(name, creation_time="2024-01-30T16:00:00Z") == "2024-01-30 16:00:00 container"
    assert begins(name, file_time=on_the_day + timedelta(days=3)) == "2024-01-31 04:00:00 file_name"
    assert begins(name) == "2024-01-31 04:00:00 file_name"


def test_a_traveller_who_sends_a_video_home_keeps_its_time():
    """Android writes the name in local time at the beginning, and the container in UTC at the end."""
    name = "VID_20240131_233000.mp4"
    assert (
        begins(name, TAIPEI, creation_time="2024-01-31T14:30:10Z") == "2024-01-31 14:30:00 file_name"
    )  # in Tokyo
    assert (
        begins(name, TAIPEI, creation_time="2024-01-31T18:00:09Z") == "2024-01-31 18:00:00 file_name"
    )  # in Kolkata
    assert (
        begins(name, TAIPEI, creation_time="2024-02-01T04:30:00Z") == "2024-02-01 04:30:00 file_name"
    )  # in New York


def test_a_camera_that_writes_the_same_local_time_twice_tells_no_zone():
    told = begins("VID_20240131_233000.mp4", TAIPEI, creation_time="2024-01-31T23:30:00Z")
    assert told == "2024-01-31 15:30:00 file_name"


def test_a_video_that_was_edited_later_keeps_the_time_in_its_name():
    assert (
        begins("20240131_233000.mp4", creation_time="2025-06-01T10:07:33Z") == "2024-01-31 15:30:00 file_name"
    )


def test_the_files_own_time_is_when_the_camera_stopped():
    told = begins(file_time=datetime(2024, 1, 31, 15, 30, 10, tzinfo=UTC))
    assert told == "2024-01-31 15:30:00 file_time"


@pytest.mark.parametrize(
    "impossible",
    ["1904-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:03:00Z", "2036-02-06T06:28:15Z",
     "2026-11-22T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-02-30T00:00:00Z",
     "yesterday", "2024", ""],
)  # fmt: skip
def test_times_that_cannot_be_are_passed_by(impossible):
    modified = datetime(2024, 1, 31, 15, 30, 10, tzinfo=UTC)
    assert begins(creation_time=impossible, file_time=modified) == "2024-01-31 15:30:00 file_time"
    assert begins(creation_time=impossible) == "2026-11-20 12:00:00 upload"
    impossible_file = datetime(1970, 1, 1, tzinfo=UTC)
    assert begins(creation_time=impossible, file_time=impossible_file) == "2026-11-20 12:00:00 upload"


def test_a_clock_that_is_a_timezone_ahead_is_believed():
    assert begins(creation_time="2026-11-20T20:00:00Z") == "2026-11-20 20:00:00 container"


# Clocks that change


@pytest.mark.parametrize(
    ("written", "zone", "moment"),
    [
        ("2024-01-31T00:00:00", TAIPEI, "2024-01-30T16:00:00"),
        ("2024-03-31T01:59:59", BERLIN, "2024-03-31T00:59:59"),
        (
            "2024-03-31T02:30:00",
            BERLIN,
            "2024-03-31T01:30:00",
        ),  # never shown: the clock was not yet put forward
        ("2024-03-31T03:00:00", BERLIN, "2024-03-31T01:00:00"),
        ("2024-10-27T01:59:59", BERLIN, "2024-10-26T23:59:59"),
        ("2024-10-27T02:30:00", BERLIN, "2024-10-27T00:30:00"),  # shown twice: the first
        ("2024-10-27T03:00:00", BERLIN, "2024-10-27T02:00:00"),
        ("2024-11-03T01:30:00", NEW_YORK, "2024-11-03T05:30:00"),
        ("2024-03-10T02:30:00", NEW_YORK, "2024-03-10T07:30:00"),
        ("2011-12-30T12:00:00", "Pacific/Apia", "2011-12-30T22:00:00"),  # a day that was skipped
    ],
)
def test_local_times_become_moments(written, zone, moment):
    assert local_to_utc(datetime.fromisoformat(written), zone) == datetime.fromisoformat(moment).replace(
        tzinfo=UTC
    )


def test_a_video_of_midnight_belongs_to_the_day_of_the_person():
    just_after = start_time_of(Evidence(video(), "VID_20240201_000001.mp4", TAIPEI, NOW))
    assert just_after.start == datetime(2024, 1, 31, 16, 0, 1, tzinfo=UTC)
    assert (just_after.written, just_after.timezone) == (
        datetime.fromisoformat("2024-02-01T00:00:01"),
        TAIPEI,
    )
