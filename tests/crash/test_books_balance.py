"""The books balance, whatever is killed when."""

import asyncio
import importlib.util
import json
import os
import random
import shutil
import sys
import time
from collections import Counter

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
from daybook.gateway.secrets import Vault
from daybook.ledger.budgets.schemas import BudgetNew
from daybook.ledger.budgets.service import set_budget
from daybook.settings import Settings
from support.postgres import free_folder

SECONDS = float(os.environ.get("CRASH_SECONDS", "10"))
"""How long the storm lasts, at least; in rounds, after each of which everything is checked."""

ROUND = 60.0
FIRST_ROUND = 45.0
"""Seconds that the first round may take until everybody has died at every named step."""

SEED = int(os.environ.get("CRASH_SEED", "0")) or random.randrange(1, 2**31)
CALLERS = 10
BUDGET = 8_000
"""Tokens: used up in the course of a storm."""


@pytest_asyncio.fixture
async def storm():
    folder = free_folder()
    crew = await Crew.start()
    try:
        yield Storm(crew, folder, SEED)
    finally:
        await crew.end()
        if not os.environ.get("CRASH_KEEP"):
            remove_cluster(folder)
            shutil.rmtree(folder)


async def test_the_books_balance_whatever_is_killed_when(storm):
    print(f"\nCRASH_SEED={SEED}, data in {storm.house.data}", flush=True)  # noqa: T201  (to be seen)
    await storm.house.start_postgres()
    await furnish(storm.house)
    receipts = []
    until = time.monotonic() + SECONDS
    async with storm.house.provider() as books:
        while not receipts or time.monotonic() < until:
            seconds = min(ROUND, max(until - time.monotonic(), 1.0))
            watch, stop = Watch(storm.house.dsn), asyncio.Event()
            watching = asyncio.create_task(watch.look(stop))
            at_most = seconds if receipts else max(seconds, FIRST_ROUND)
            clients = await storm.rage(seconds, at_most, CALLERS)
            calm = await storm.call_calmly(4, 10)
            problems = [*storm.toll.problems, *await storm.drain()]
            stop.set()
            await watching
            problems += [f"at some moment: {what}" for what in watch.seen]
            receipts += [receipt for client in [*clients, *calm] for receipt in client.receipts]
            problems += [
                f"after the storm: {receipt}"
                for client in calm
                for receipt in client.receipts
                if not receipt.succeeded
            ]
            connection = await asyncpg.connect(storm.house.dsn)
            evidence = await Evidence.gather(receipts, books, connection)
            problems += problems_of(evidence)
            problems += await untrue(connection)
            problems += await unsettled(connection)
            await connection.close()
            problems += await verified(storm.house.dsn)
            tell(storm.toll, evidence, watch.looks)
            assert not problems, f"{len(problems)} problems, CRASH_SEED={SEED}:\n" + "\n".join(problems[:40])
    assert not storm.missed()


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


async def furnish(house):
    """Groups, users, codes, budgets, and a configuration for each kind of provider."""
    await upgrade_async(house.dsn)
    vault = Vault.of(Settings(data=house.data))
    url = f"http://127.0.0.1:{house.provider_port}"
    configs = [
        ("open", "openai_compatible", url + "/v1", ["gpt*", "text*"]),
        ("anthropic", "anthropic", url, ["claude*"]),
        ("gemini", "gemini", url, ["gemini*"]),
    ]
    connection = await asyncpg.connect(house.dsn)
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
        house.codes.append(code)
        await connection.execute(
            "INSERT INTO activation_codes (public_id, code_hash, group_id, user_id) VALUES ($1, $2, $3, $4)",
            public_id, hashed, group_id, user_id,
        )  # fmt: skip
    await connection.close()
    database = Database.connect(house.dsn, pool=2)
    async with database.write() as session:
        for subject, subject_id, period, unit, limit, hard in (
            ("code", public_id, "day", "tokens", BUDGET, True),
            ("user", 2, "month", "usd", 1000, True),
            ("group", 2, "month", "tokens", BUDGET, False),
        ):
            new = {"subject": subject, "subject_id": subject_id, "period": period, "unit": unit}
            await set_budget(session, BudgetNew.model_validate({**new, "limit": limit, "hard": hard}))
    await database.close()
