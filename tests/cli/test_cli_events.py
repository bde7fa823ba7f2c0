"""`daybook events import`."""

import json

from support.application.api import Api


async def test_events_are_imported_for_a_person_again_and_again(cli, admin, tmp_path):
    await cli("user", "add", "ana", "--timezone", "Asia/Taipei")
    file = tmp_path / "events.json"
    file.write_text(json.dumps([{"start_time": "2026-03-08T07:30", "summary": "breakfast"}]))

    first = await cli("events", "import", str(file), "--user", "ana", "--json")
    second = await cli("events", "import", str(file), "--user", "ana")

    assert (first.status, first.json["created"], first.json["problems"]) == (0, 1, [])
    assert second.out == "0 events created, 0 changed, 1 unchanged.\n"
    assert (await Api(admin).get("/api/v1/events"))["total"] == 0


async def test_bad_lines_are_told_and_good_ones_are_in(cli, tmp_path):
    await cli("user", "add", "ana")
    file = tmp_path / "events.txt"
    file.write_text("start_time,summary\n2026-03-08T07:30,good\nyesterday,\x1b[31mbad\n")

    done = await cli("events", "import", str(file), "--user", "ana", "--format", "csv")

    assert done.status == 1
    assert done.out.startswith("1 event created, 0 changed, 0 unchanged, 1 unreadable.\n")
    assert "line 3: start_time: " in done.out
    assert "\x1b" not in done.out


async def test_what_cannot_be_imported_is_said_in_a_sentence(cli, tmp_path):
    await cli("user", "add", "ana")
    (tmp_path / "events.ics").write_text("nothing")

    for arguments, words in (
        (("events.ics", "--user", "ana"), "no calendar"),
        (("events.ics", "--user", "nobody"), "nobody"),
        (("missing.ics", "--user", "ana"), "missing.ics"),
        ((".", "--user", "ana"), "directory"),
        (("events.ics", "--user", "ana", "--format", "xml"), "--format"),
    ):
        done = await cli("events", "import", *arguments)
        assert (done.status, done.out) == (1, ""), arguments
        assert words in done.err
