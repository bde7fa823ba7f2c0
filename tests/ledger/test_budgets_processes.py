"""Many processes on the same budgets, killed at random, under the eyes of a reader who never stops looking.

Seen to fail when: a slice is granted without counting what is held, or without the period's lock; settling takes
nothing off the lease; what a killed process leased is released before its calls are settled.
"""

import asyncio
import json
import os
import random
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from daybook.ledger.budgets.holds import parts_of_json
from daybook.ledger.budgets.leases import release
from daybook.ledger.budgets.settling import Settlement, settle
from support.ledger.budgets import Ledger

HOLDER = Path(__file__).parents[1] / "support" / "ledger" / "budget_holder.py"


class Holders:
    """The processes, and a shipper that settles what they journal."""

    def __init__(self, ledger, folder):
        self.ledger = ledger
        self.folder = folder
        self.processes = {}
        self.read = {}
        self.open = {}
        self.settled = {}
        self.refused = 0
        self.killed = 0

    async def start(self, calls, at_once, largest):
        owner = str(uuid4())
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HOLDER.parents[2]), *sys.path])}
        numbers = [str(calls), str(at_once), str(largest)]
        self.processes[owner] = await asyncio.create_subprocess_exec(
            sys.executable, str(HOLDER), self.ledger.dsn, owner, str(self.folder), *numbers, env=environment
        )
        self.read[owner], self.open[owner] = 0, {}

    def kill_one(self):
        alive = [one for one in self.processes.values() if one.returncode is None]
        with suppress(ProcessLookupError):
            random.choice(alive).kill()
            self.killed += 1

    async def ship(self, connection):
        """Settle what is new; of the dead, all there is, and then release their leases."""
        for owner, process in list(self.processes.items()):
            dead = process.returncode is not None
            batch = [self.settlement(owner, record) for record in self.records(owner) if "closed" in record]
            if dead:
                left = [{"closed": call, **said} for call, said in self.open[owner].items()]
                batch += [self.settlement(owner, record) for record in left]
                del self.processes[owner]
            async with connection.transaction():
                await connection.executemany(
                    "INSERT INTO llm_tracker_usage (id, model, prompt_tokens, total_tokens, cost) "
                    "VALUES ($1, 'm', $2, $2, $3)",
                    [(one.call_id, one.tokens, one.cost) for one in batch],
                )
                await settle(connection, batch)
            if dead:
                await release(connection, owner)

    def records(self, owner):
        path = self.folder / owner
        if not path.exists():
            return
        with path.open("rb") as journal:
            journal.seek(self.read[owner])
            text = journal.read()
        whole = text[: text.rfind(b"\n") + 1]
        self.read[owner] += len(whole)
        for line in whole.splitlines():
            record = json.loads(line)
            self.refused += record.get("refused", 0)
            if "opened" in record:
                self.open[owner][record["opened"]] = record
            yield record

    def settlement(self, owner, record):
        """A call that was never closed took some of what it held: nobody knows how much."""
        said = self.open[owner].pop(record["closed"])
        tokens = record.get("tokens")
        if tokens is None:
            tokens = random.randint(0, int(said["parts"][0][2]))
        self.settled[record["closed"]] = tokens
        parts = parts_of_json(record["parts"])
        return Settlement(UUID(record["closed"]), owner, parts, tokens, Decimal(f"0.{tokens:06}"))


class Reader:
    """Looks at the periods again and again: used and held together never pass the limit."""

    def __init__(self, dsn):
        self.dsn = dsn
        self.looks = 0
        self.most = {}
        self.wrong = []

    async def look(self):
        connection = await asyncpg.connect(self.dsn)
        try:
            while True:
                for budget, limit, used, held, overrun in await connection.fetch(
                    'SELECT b.id, b."limit", p.used, p.held, p.overrun '
                    "FROM budget_periods p JOIN budgets b ON b.id = p.budget_id WHERE b.hard"
                ):
                    self.most[budget] = max(self.most.get(budget, 0), used + held)
                    if used + held > limit or overrun:
                        self.wrong.append((budget, limit, used, held, overrun))
                self.looks += 1
                await asyncio.sleep(0.001)
        finally:
            await connection.close()


@pytest.fixture
async def ledger(database_url):
    async with Ledger.open(database_url) as ledger:
        yield ledger


async def run(ledger, folder, *, processes, calls, at_once, largest, kills=0):
    """Run holders until their calls are used up; with `kills`, until that many were killed in the midst of it."""
    holders, reader = Holders(ledger, folder), Reader(ledger.dsn)
    looking = asyncio.create_task(reader.look())
    for _ in range(processes):
        await holders.start(calls, at_once, largest)
    try:
        await _run_to_the_end(holders, calls, at_once, largest, kills)
    finally:
        looking.cancel()
        for process in holders.processes.values():
            with suppress(ProcessLookupError):
                process.kill()
    with suppress(asyncio.CancelledError):
        await looking
    assert not holders.processes
    assert reader.wrong == []
    assert reader.looks > 50
    assert await ledger.differences() == []
    return holders, reader


async def _run_to_the_end(holders, calls, at_once, largest, kills):
    done_then = 0
    while any(one.returncode is None for one in holders.processes.values()):
        await holders.ship(holders.ledger.connection)
        done = len(holders.settled) + holders.refused
        if kills and done > done_then + 100:
            done_then = done
            if holders.killed < kills:
                holders.kill_one()
                await holders.start(calls, at_once, largest)
            else:
                for process in holders.processes.values():
                    with suppress(ProcessLookupError):
                        process.terminate()
        await asyncio.sleep(0.005)
    await holders.ship(holders.ledger.connection)


async def test_eight_processes_of_fifty_calls_at_once_never_pass_the_limit(ledger, tmp_path):
    budget = await ledger.budget("code", 1, 50_000)
    holders, reader = await run(ledger, tmp_path, processes=8, calls=150, at_once=50, largest=1000)
    used, held, overrun = await ledger.period(budget)
    assert (used, held, overrun) == (sum(holders.settled.values()), 0, 0)
    assert used > 45_000
    assert holders.refused > 100
    assert reader.most[budget] <= 50_000


async def test_processes_that_are_killed_leak_nothing_and_pass_no_limit(ledger, tmp_path):
    of_code = await ledger.budget("code", 1, 10**6)
    of_group = await ledger.budget("group", 2, 250_000, period="month")
    of_user = await ledger.budget("user", 3, "0.4", unit="usd")
    soft = await ledger.budget("user", 3, 1000, hard=False)
    holders, _ = await run(ledger, tmp_path, processes=3, calls=10**9, at_once=20, largest=1000, kills=6)
    assert holders.killed == 6
    taken = sum(holders.settled.values())
    assert await ledger.period(of_code) == (taken, 0, 0)
    assert await ledger.period(of_group) == (taken, 0, 0)
    assert await ledger.period(soft) == (taken, 0, 0)
    assert await ledger.period(of_user) == (Decimal(taken) / 10**6, 0, 0)
    assert await ledger.connection.fetchval("SELECT count(*) FROM budget_leases") == 0
