"""`daybook usage`, `daybook calls`, `daybook price`."""

import asyncio
import json
import sys

from sqlalchemy import make_url

from support.ledger.lines import write_call, write_line

STATS = """
import json
from llm_tracker.llm_usage_stats import get_summary_stats
print(json.dumps(get_summary_stats(), default=str))
"""


async def test_usage_in_json_is_what_the_library_says(cli, database, database_url):
    await write_line(database, "2026-01-01T08:00", cost="0.25", cached_tokens=3, reasoning_tokens=2)
    await write_line(database, "2026-01-02T08:00", success=False, error="no", completion_tokens=0)
    done = await cli("usage", "--json")
    assert (done.status, done.err) == (0, "")
    url = make_url(database_url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    library = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STATS, env={"LLM_TRACKER_DATABASE_URL": url}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await library.communicate()
    assert done.json == json.loads(said)
    assert done.json["total_tokens"] == 25
    assert done.json["cost"] == "0.25"


async def test_usage_is_narrowed_and_divided(cli, database):
    await cli("user", "add", "ana")
    for at, model, user in (("01-01T08:00", "a", 1), ("01-01T09:00", "b", 1), ("02-01T00:00", "a", 2)):
        await write_line(database, f"2026-{at}", model=model, user_id=user)

    async def by(what, *options):
        done = await cli("usage", "--by", what, "--json", *options)
        return [
            (row.get("bucket") or row.get("date") or row["model"], row["total_calls"]) for row in done.json
        ]

    assert await by("day") == [("2026-01-01", 2), ("2026-02-01", 1)]
    assert await by("month", "--to", "2026-01-31") == [("2026-01-01", 2)]
    assert await by("hour", "--from", "2026-01-02") == [("2026-02-01T00:00:00+00:00", 1)]
    assert await by("model", "--user", "ANA") == [("a", 1), ("b", 1)]
    table = (await cli("usage", "--by", "model")).out.splitlines()
    assert table[0].split()[:2] == ["model", "calls"]
    assert table[1].split() == ["a", "2", "0", "20", "0", "10", "0", "30", "-"]


async def test_calls_show_the_whole_exchange(cli, database):
    usage_id = await write_line(database, "2026-01-31T10:00", model="m", source="gateway")
    said = {
        "request_messages": [{"role": "user", "content": "早安\x1b[31m"}],
        "request_params": {"temperature": 0.5},
        "response_content": "good day",
        "response_data": {"id": "r1"},
    }
    call_id = await write_call(database, "2026-01-31T10:00", usage_id=usage_id, model="m", **said)
    failed = await write_call(database, "2026-02-01T10:00", status="error", error_message="it broke")

    shown = (await cli("calls", "show", str(call_id), "--json")).json
    assert {name: shown[name] for name in said} == said
    assert shown["line"]["total_tokens"] == 15
    assert shown["call_time"] == "2026-01-31T10:00:00Z"
    listed = (await cli("calls", "--json")).json
    assert [call["id"] for call in listed] == [failed, call_id]
    assert listed[1] == shown
    assert [call["id"] for call in (await cli("calls", "--json", "--status", "error")).json] == [failed]
    assert len((await cli("calls", "--json", "--limit", "1")).json) == 1

    table = await cli("calls")
    assert "早安" in table.out
    assert "it broke" in table.out
    page = await cli("calls", "show", str(call_id))
    assert "good day" in page.out
    assert "\x1b" not in table.out + page.out
    missing = await cli("calls", "show", "99999")
    assert (missing.status, missing.out) == (1, "")
    assert "99999" in missing.err


async def test_prices_are_set_and_listed(cli):
    assert (
        await cli("price", "set", "house", "--input", "1.50", "--output", "2", "--cached-input", "0")
    ).status == 0
    [price] = (await cli("price", "list", "--json")).json
    assert (price["model"], price["input"], price["output"]) == ("house", "1.5", "2")
    assert (price["cached_input"], price["cache_write"]) == ("0", None)
    for wrong in ("-1", "NaN", "much"):
        assert (await cli("price", "set", "house", "--input", wrong, "--output", "2")).status == 2


async def test_wrong_usage_is_told_in_a_sentence(cli):
    for arguments, status, word in (
        (("usage", "--from", "yesterday"), 1, "--from"),
        (("usage", "--from", "2026-02-01", "--to", "2026-01-01"), 1, "--from"),
        (("usage", "--by", "week"), 2, "--by"),
        (("calls", "--limit", "0"), 2, "--limit"),
        (("calls", "show", "x"), 2, "ID"),
        (("nothing",), 2, "nothing"),
    ):
        done = await cli(*arguments)
        assert (done.status, done.out) == (status, ""), arguments
        assert word in done.err
