"""`daybook outbox`, and `daybook worker`, which delivers."""

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

from support.ledger.outbox import Outbox, told

DAYBOOK = str(Path(sys.executable).with_name("daybook"))


async def test_events_are_listed_and_tried_again(cli, database):
    outbox = Outbox(database)
    await outbox.prepare()
    bad = await outbox.put("told", "bad", {"number": "many"}, aggregate="a")
    worse = await outbox.put("told", "worse", {"number": "many"}, aggregate="b")
    good = await outbox.publish("good", aggregate="c")
    await outbox.deliver_all(told())
    await outbox.put("another", "waits", {"said": "早安"}, aggregate="d", version=2)

    listed = (await cli("outbox", "list", "--json")).json
    assert [event["key"] for event in listed] == ["waits", "good", "worse", "bad"]
    assert listed[0]["payload"] == {"said": "早安"}
    assert [one["key"] for one in (await cli("outbox", "list", "--json", "--status", "dead")).json] == [
        "worse",
        "bad",
    ]
    assert len((await cli("outbox", "list", "--json", "--type", "told", "--limit", "2")).json) == 2
    table = (await cli("outbox", "list")).out
    assert "another v2" in table
    assert "malformed" in table
    assert (await cli("outbox", "list", "--status", "pending", "--type", "told")).out == "No events.\n"

    done = await cli("outbox", "retry", str(bad), "--json")
    assert (done.status, done.json["status"]) == (0, "pending")
    assert (await cli("outbox", "retry", "--dead", "--json")).json == {"retried": 1}
    assert (await outbox.row("worse"))["id"] == worse
    assert (await outbox.row("worse"))["status"] == "pending"
    assert "No event is dead" in (await cli("outbox", "retry", "--dead")).out
    for arguments, status, word in (
        ((str(good),), 1, "consumed"),
        (("99999",), 1, "99999"),
        ((), 2, "--dead"),
        ((str(bad), "--dead"), 2, "--dead"),
        (("0",), 2, "ID"),
    ):
        done = await cli("outbox", "retry", *arguments)
        assert (done.status, done.out) == (status, ""), arguments
        assert word in done.err


async def test_the_worker_delivers_within_a_second_and_stops_when_told(
    plain_environment, database, database_url, tmp_path
):
    outbox = Outbox(database)
    worker = await asyncio.create_subprocess_exec(
        DAYBOOK,
        "worker",
        env={**plain_environment, "DATABASE_URL": database_url},
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        for name in ("first", "second"):  # by the second one the worker is up
            await outbox.sql("INSERT INTO users (account) VALUES (:name)", name=name)
            (row,) = await outbox.sql(
                "INSERT INTO llm_tracker_usage (id, user_id, model, total_tokens, posted_by)"
                " SELECT gen_random_uuid(), id, 'm', 15, 'outbox' FROM users WHERE account = :name"
                " RETURNING id, user_id",
                name=name,
            )
            await outbox.sql(
                "INSERT INTO agent_chats (chat_id, user_id) VALUES (:id, :user)",
                id=str(row["id"]),
                user=row["user_id"],
            )
            adjustment = {
                "user_id": row["user_id"],
                "conversation_id": str(row["id"]),
                "tokens_delta": 15,
                "reason": "title",
                "triggered_at": "2026-01-31T10:00:00Z",
            }
            await outbox.put("chat.token.usage.adjust.requested", str(row["id"]), adjustment)
            for _ in range(400):
                event = await outbox.row(str(row["id"]))
                if event["status"] != "pending":
                    break
                await asyncio.sleep(0.05)
            assert event["status"] == "consumed", event["error"]
        assert event["consumed_at"] - event["created_at"] < timedelta(seconds=1)
        users = await outbox.sql("SELECT token_usage FROM users")
        assert [user["token_usage"] for user in users] == [15, 15]
        worker.send_signal(signal.SIGTERM)
        _, said = await asyncio.wait_for(worker.communicate(), 10)
        assert (worker.returncode, b"Traceback" in said) == (0, False), said.decode()
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
