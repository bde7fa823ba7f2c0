"""How fast journals become lines: `daybook ship` on one core, PostgreSQL on another.

    .venv/bin/python bench/shipping.py [--calls 50000]

Writes a journal of calls of about 2 KB (a question, an answer with its usage), lets one shipper bring them into a fresh
embedded database, and prints calls per second, and per second of the shipper's own processor time. The peer in the same
run is a plain COPY of ready rows: what the shipper would be if making rows cost nothing.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import asyncpg
import orjson

from daybook.accounts.service import CodeGrant
from daybook.db.embedded import temporary_server
from daybook.db.engine import Database, asyncpg_dsn
from daybook.db.migrate import upgrade_async
from daybook.gateway.apis.table import route_of
from daybook.gateway.exchange import Exchange
from daybook.gateway.providers.config import ProviderConfig, Target
from daybook.gateway.providers.kinds import OPENAI
from daybook.gateway.recording.recorder import Recorder
from daybook.kit.garbage_collection import tune_garbage_collection
from daybook.ledger.entries import LINE_COLUMNS, LOG_COLUMNS, line_values, log_values
from daybook.ledger.journal import Journal, JournalReader
from daybook.ledger.prices import PriceTable
from daybook.ledger.shipper import JournaledCall
from daybook.settings import Settings
from daybook.shipping import Accountant, shipper_of
from llm_tracker.usage import usage_from_response

QUESTION = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Tell me of the day. " * 40}]}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "It was long. " * 60},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 210, "completion_tokens": 180, "total_tokens": 390},
}


async def write_calls(folder: Path, calls: int) -> None:
    """A journal of a gateway that is gone."""
    provider = ProviderConfig(id=1, name="main", provider=OPENAI, base_url="http://127.0.0.1:9")
    grant = CodeGrant(1, "db_bench", 1, 1, None, None, None, None, revoked=False)
    route = route_of("POST", "/v1/chat/completions")
    question, answer = orjson.dumps(QUESTION), orjson.dumps(ANSWER)
    usage = usage_from_response("chat.completions", ANSWER)
    journal = Journal(folder, limit=2**40)
    recorder, prices = Recorder(journal), PriceTable()
    for _ in range(calls):
        exchange = Exchange(grant=grant, route=route, path="/v1/chat/completions", headers={}, query={})
        exchange.body, exchange.request, exchange.model = question, QUESTION, "gpt-4o-mini"
        exchange.target, exchange.reached = Target(provider, "gpt-4o-mini"), True
        await recorder.open(exchange)
        exchange.answer, exchange.usage, exchange.ended = answer, usage, time.perf_counter()
        recorder.close(exchange, prices)
    journal.close()


async def ship(settings: Settings, url: str, calls: int) -> tuple[float, float]:
    """Wall and processor seconds of shipping everything."""
    database = Database.connect(url, pool=2)
    shipper = shipper_of(settings, database, url)
    tune_garbage_collection()  # as `daybook ship` does
    began, cpu = time.perf_counter(), time.process_time()
    task = asyncio.create_task(shipper.run())
    connection = await asyncpg.connect(asyncpg_dsn(url))
    while await connection.fetchval("SELECT count(*) FROM llm_tracker_usage") < calls:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    spent = time.perf_counter() - began, time.process_time() - cpu
    shipper.stop()
    await task
    await connection.close()
    await database.close()
    return spent


async def copy(settings: Settings, url: str) -> float:
    """Wall seconds per call of copying rows that are ready."""
    database = Database.connect(url, pool=2)
    accountant = Accountant(database)
    folder = next((settings.data / "peer").iterdir())
    entries = []
    reader = JournalReader(folder)
    tail: dict[bytes, JournaledCall] = {}
    for segment, record in reader.records():
        if record.kind.name == "OPENED":
            tail[record.id_bytes] = JournaledCall(reader.id, segment, record)
        elif call := tail.pop(record.id_bytes, None):
            call.closed = record
            entries.append(accountant.entry(call))
    connection = await asyncpg.connect(asyncpg_dsn(url))
    began = time.perf_counter()
    for at in range(0, len(entries), 500):
        batch = entries[at : at + 500]
        async with connection.transaction():
            await connection.copy_records_to_table(
                "llm_tracker_usage", records=[line_values(one.line) for one in batch], columns=LINE_COLUMNS
            )
            await connection.copy_records_to_table(
                "llm_call_logs", records=[log_values(one.log) for one in batch], columns=LOG_COLUMNS
            )
    spent = time.perf_counter() - began
    await connection.close()
    await database.close()
    return spent / len(entries)


async def main(calls: int, url: str) -> None:
    """Measure and print."""
    await upgrade_async(url)
    connection = await asyncpg.connect(asyncpg_dsn(url))
    await connection.execute("INSERT INTO groups (id, name) VALUES (1, 'bench')")
    await connection.close()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), database_url=url)
        await write_calls(settings.data / "journal", calls)
        wall, cpu = await ship(settings, url, calls)
        await write_calls(settings.data / "peer", max(calls // 5, 1000))
        peer = await copy(settings, url)
    print("| what | calls/s | calls per second of its own processor time |\n|---|--:|--:|")
    print(f"| daybook ship, {calls:,} calls of 2 KB | {calls / wall:,.0f} | {calls / cpu:,.0f} |")
    print(f"| COPY of ready rows | {1 / peer:,.0f} | |")
    print(f"\nratio to COPY: {peer * calls / wall:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=50_000)
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with temporary_server() as server:
        os.sched_setaffinity(0, {cores[-1]})
        asyncio.run(main(arguments.calls, server.dsn))
