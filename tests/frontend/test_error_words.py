"""Every error that a person at the pages can meet has words in their language, with what it is about filled in."""

import re

import pytest

from daybook.jobs.claims import LOST_CODE
from daybook.lifelog.media.inspection import _THINGS as NO_VIDEOS
from daybook.lifelog.media.inspection import _WORDS as REFUSALS_OF_VIDEOS
from daybook.lifelog.media.inspection import refusal
from support.sources import error_codes
from support.sources.messages import LANGUAGES, parameters, stem, texts

PROGRAMS = {
    "answer_not_kept", "bad_idempotency_key", "empty_body", "expired_code", "idempotency_busy",
    "idempotency_mismatch", "idempotency_refused", "invalid_code", "malformed_body", "malformed_form",
    "malformed_json", "method_not_allowed", "missing_code", "missing_model", "model_not_allowed", "not_metered",
    "request_timeout", "request_too_large", "requests_per_minute", "revoked_code", "tokens_per_minute",
    "wrong_content_encoding", "wrong_content_type", "wrong_method",
    "bad_header", "bad_metadata", "checksum_mismatch", "unknown_checksum", "unknown_extension", "wrong_tus_version",
    "shift_unclear", "too_many_events", "two_timezones",
    "file_changed", "file_unreadable", "not_a_file",
    "invalid_key", "job_lost", "no_date", "step_taken",
    "error", "limited", "refused", "unavailable", "upstream",
}  # fmt: skip
"""What only other people's programs are told, those who speak tus or HTTP by hand or import at the command line; what
never leaves the server; and the kinds' own codes, which nothing says by itself.
"""

NOT_ON_PAGES = (
    "cli/", "db/", "kit/process.py", "launcher/", "ledger/export/", "ledger/outbox/", "ledger/verification/",
    "lifelog/events/imports/", "storage/",
    # Parameters that the pages never send so.
    "ledger/budgets/service.py", "lifelog/calendar/service.py", "lifelog/diary/schedule.py",
    "lifelog/diary/service.py", "lifelog/events/endpoints/", "lifelog/recordings/endpoints.py",
)  # fmt: skip
"""Where an error may do without a code of its own: no page asks for what is there."""

OWN_WORDS = {"Unauthenticated", "Forbidden", "NotFound"}
"""Kinds whose one code says all there is to say."""

PAGES_OWN = {"offline", "unknown"}

WORDS = {key.removeprefix("error.") for key in map(stem, texts("en")) if key.startswith("error.")}

MORE = {*REFUSALS_OF_VIDEOS, LOST_CODE, "upstream_unreachable", "upstream_timeout"}
"""Codes that the sources have elsewhere than where they are raised."""


def test_every_code_has_words_or_is_for_programs():
    codes = {one.code: one.where for one in error_codes.said() if one.code} | dict.fromkeys(MORE, "")

    assert {code: where for code, where in codes.items() if code not in WORDS | PROGRAMS} == {}
    assert PROGRAMS - set(codes) == set()
    assert not PROGRAMS & WORDS
    assert WORDS - set(codes) == PAGES_OWN


def test_what_a_person_can_meet_says_which_it_is():
    without = [
        (one.where, one.says)
        for one in error_codes.said()
        if one.code is None and one.says not in OWN_WORDS and not one.where.startswith(NOT_ON_PAGES)
    ]

    assert without == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_words_speak_of_is_given_with_the_error(language):
    wanted = {}
    for key, text in texts(language).items():
        wanted.setdefault(stem(key), set()).update(parameters(text))
    missing = [
        (one.where, one.code, names)
        for one in error_codes.said()
        if one.code
        and one.details is not None
        and one.says not in WITH_MORE
        and not one.where.startswith("gateway/call/pipeline.py")  # which answers programs
        for names in [wanted.get(f"error.{one.code}", set()) - one.details]
        if names
    ]

    assert missing == []


WITH_MORE = {"_failed", "RefusedError"}
"""To these the provider, or what was seen of the video, is added where they are caught: see the tests of those."""


def test_what_the_pages_show_in_a_way_of_its_own_is_given_by_some_error():
    shown = set(
        re.findall(r'case "(\w+)":', (error_codes.ROOT / "frontend/src/lib/errors/index.ts").read_text())
    )
    given = {name for one in error_codes.said() for name in one.details or ()}
    given |= refusal("not_a_video", "text").details.keys()

    assert len(shown) > 5
    assert shown - given == set()


def test_whatever_is_no_video_has_a_name():
    names = {key.removeprefix("upload.thing.") for key in texts("en") if key.startswith("upload.thing.")}

    assert names == set(NO_VIDEOS)
    for thing, words in NO_VIDEOS.items():
        assert texts("en")[f"upload.thing.{thing}"] == words
