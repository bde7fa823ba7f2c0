"""The ledger balances, whatever is killed when.

Two gateways, two shippers (one waits for the other's death), a worker and PostgreSQL are killed with SIGKILL at random
and at every named step, while clients on raw sockets call a provider that nobody kills and that keeps a record of its
own.
Then everything is killed at once, started again without faults, called, drained, and compared (`checks`, `totals`).

`make test` does this for 30 s, and until a process has died at each failpoint of one part; the parts rotate with the
date. `make crash` takes all failpoints, for CRASH_SECONDS in rounds. CRASH_SEED takes the same part, plans the same
calls and draws the same kills; which call a kill meets is up to the machine. CRASH_KEEP=1 leaves the data.

Protections that were taken out, one at a time, and what was said then:

- `closed` written after the last byte of whole answers; of streams: received whole, and the line says "killed".
- The terminal event not held back: received whole, and the line says "killed".
- `opened` written together with `closed`: served and without a line, a budget passed under the reader's eyes.
- What a dead gateway had open dropped: served and without a line.
- Streams not noted: nobody comes by the steps of noting.
- Every journal taken for a dead one's: received whole, no line.
- The next segment not announced in the last: received whole, no line.
- Checksums ignored: the shipper ends with a traceback at a torn record.
- Segments deleted before the commit: received whole, no line.
- What is in the ledger written again: refused by its keys, and set aside in quarantine.
- Lines and call logs in two transactions: lines without call logs.
- Settlements in a transaction after that of the lines: a budget's use is less than its lines.
- A database that is away taken for the calls' fault: calls in quarantine, no line.
- Two shippers at once: one ends with a traceback, batches are refused.
- A lease given whatever others hold: a budget passed under the reader's eyes.
- A hold lowered to what a broken stream had reported: more taken than was held.
- Leases of the dead not released: held when nobody holds. Their keys not given back: open keys when nobody calls.
- Repeats made again; a success kept only by its gateway: counted twice under one key.
- Failures left out of totals: a group's total is not the sum, at many moments.
- A provider that hangs up before its answer taken for one that did nothing: no tokens, and not marked.
"""

import asyncio
import importlib.util
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import asyncpg
import pytest_asyncio

from crash.checks import Evidence, problems_of
from crash.crew import Crew
from crash.plan import MODELS
from crash.storm import Storm
from crash.totals import Watch, unsettled, untrue
from daybook.accounts.codes import new_code
from daybook.db.embedded.cluster import remove_cluster
from daybook.db.engine import Database
from daybook.db.migrate import upgrade_async
from daybook.gateway.providers.vault import Vault
from daybook.ledger.budgets.schemas import BudgetRequest
from daybook.ledger.budgets.service import set_budget
from daybook.settings import Settings
from support.databases.postgres import free_folder

SECONDS = float(os.environ.get("CRASH_SECONDS", "30"))
"""How long the storm lasts, at least; in rounds, after each of which everything is checked."""

PARTS = 1 if "CRASH_SECONDS" in os.environ else 3
"""The number of parts that the failpoints are divided into; processes have to die at those of one part."""

ROUND = 60.0
FIRST_ROUND = 240.0
"""Seconds that the first round may take until a process has died at each of these failpoints."""

SEED = int(os.environ.get("CRASH_SEED", "0")) or (
    random.randrange(1, 2**29) * PARTS + datetime.now(UTC).toordinal() % PARTS
)
CALLERS = 10
BUDGET = 8_000
"""Tokens: used up in the course of a storm."""


@pytest_asyncio.fixture
async def storm():
    folder = free_folder()
    crew = await Crew.start()
    try:
        yield Storm(crew, folder, SEED, PARTS)
    finally:
        await crew.end()
        if not os.environ.get("CRASH_KEEP"):
            remove_cluster(folder)
            shutil.rmtree(folder)


async def test_the_ledger_balances_whatever_is_killed_when(storm):
    print(f"\nCRASH_SEED={SEED}, data in {storm.installation.data}", flush=True)  # noqa: T201  (to be seen)
    await storm.installation.start_postgres()
    await furnish(storm.installation)
    receipts = []
    until = time.monotonic() + SECONDS
    async with storm.installation.provider() as record:
        while not receipts or time.monotonic() < until:
            seconds = min(ROUND, max(until - time.monotonic(), 1.0))
            if receipts:
                await raise_budget(storm.installation.dsn)
            watch, stop = Watch(storm.installation.dsn), asyncio.Event()
            watching = asyncio.create_task(watch.look(stop))
            at_most = seconds if receipts else max(seconds, FIRST_ROUND)
            clients = await storm.rage(seconds, at_most, CALLERS)
            calm = await storm.call_calmly(4, 10)
            problems = [*storm.toll.problems, *await storm.drain()]
            stop.set()
            await watching
            problems += storm.installation.said("failed inside the gateway")
            problems += [f"at some moment: {what}" for what in watch.seen]
            receipts += [receipt for client in [*clients, *calm] for receipt in client.receipts]
            problems += [
                f"after the storm: {receipt}"
                for client in calm
                for receipt in client.receipts
                if not receipt.succeeded
            ]
            connection = await asyncpg.connect(storm.installation.dsn)
            evidence = await Evidence.gather(receipts, record, connection)
            problems += problems_of(evidence)
            problems += await untrue(connection)
            problems += await unsettled(connection)
            await connection.close()
            problems += await verified(storm.installation.dsn)
            tell(storm.toll, evidence, watch.looks)
            assert not problems, f"{len(problems)} problems, CRASH_SEED={SEED}:\n" + "\n".join(problems[:40])
    assert not storm.missed()


async def raise_budget(dsn):
    """So that it is used up again."""
    connection = await asyncpg.connect(dsn)
    await connection.execute('UPDATE budgets SET "limit" = "limit" + $1 WHERE subject = $2', BUDGET, "code")
    await connection.close()


def tell(toll, evidence, looks):
    receipts = evidence.receipts
    print(  # noqa: T201  (to be seen)
        f"{toll.kills} kills survived (at steps {dict(toll.at_points)}, at random {dict(toll.at_random)}), "
        f"{len(receipts)} calls checked: {sum(one.succeeded for one in receipts)} received whole, "
        f"{sum(one.broke_at is not None for one in receipts)} broken off, "
        f"{sum(one.replay_of is not None for one in receipts)} answered again, {len(evidence.served)} served, "
        f"{len(evidence.lines)} lines, {len(evidence.logs)} logs, {looks} looks meanwhile; "
        f"statuses {dict(Counter(one.status for one in receipts))}",
        flush=True,
    )


async def verified(dsn):
    """What `daybook ledger verify` finds."""
    if importlib.util.find_spec("daybook.cli.ledger") is None:
        return []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "daybook", "ledger", "verify",
        env={**os.environ, "DATABASE_URL": dsn}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return [] if process.returncode == 0 else [f"daybook ledger verify: {said.decode()}"]


async def furnish(installation):
    """Groups, users, codes, budgets, and a configuration for each kind of provider."""
    await upgrade_async(installation.dsn)
    vault = Vault.of(Settings(data=installation.data))
    url = f"http://127.0.0.1:{installation.provider_port}"
    configs = [
        ("open", "openai_compatible", url + "/v1", ["gpt*", "text*"]),
        ("anthropic", "anthropic", url, ["claude*"]),
        ("gemini", "gemini", url, ["gemini*"]),
    ]
    connection = await asyncpg.connect(installation.dsn)
    await connection.execute("INSERT INTO groups (id, name) VALUES (1, 'one'), (2, 'two')")
    await connection.execute("INSERT INTO users (id, account) VALUES (1, 'ana'), (2, 'ben')")
    for model in MODELS.values():
        await connection.execute("INSERT INTO model_prices (model, input, output) VALUES ($1, 1, 2)", model)
    for name, provider, base_url, models in configs:
        await connection.execute(
            "INSERT INTO llm_configs (name, provider, base_url, api_key, models, settings)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            name, provider, base_url, vault.encrypt("sk-of-the-provider"), models, json.dumps({"retries": 1}),
        )  # fmt: skip
    for group_id, user_id in ((1, 1), (1, 2), (2, None), (2, None)):
        code, public_id, hashed = new_code()
        installation.codes.append(code)
        await connection.execute(
            "INSERT INTO activation_codes (public_id, code_hash, group_id, user_id) VALUES ($1, $2, $3, $4)",
            public_id, hashed, group_id, user_id,
        )  # fmt: skip
    await connection.close()
    database = Database.connect(installation.dsn, pool=2)
    async with database.write() as session:
        for subject, subject_id, period, unit, limit, hard in (
            ("code", public_id, "day", "tokens", BUDGET, True),
            ("user", 2, "month", "usd", 1000, True),
            ("group", 2, "month", "tokens", BUDGET, False),
        ):
            new = {"subject": subject, "subject_id": subject_id, "period": period, "unit": unit}
            await set_budget(session, BudgetRequest.model_validate({**new, "limit": limit, "hard": hard}))
    await database.close()
