"""Limits per minute across processes: never more than the limit in 60 seconds, and nothing lost that was not used."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from daybook.db.engine import asyncpg_dsn
from daybook.ledger.rate_limits.counters import RateKeeper
from daybook.ledger.rate_limits.windows import SLOT, SLOTS, RateReached

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
async def keepers(database_url):
    """`await keepers()` starts one more process's keeper."""
    made = []

    async def make(dsn=None):
        keeper = RateKeeper(dsn or asyncpg_dsn(database_url), str(uuid4()))
        made.append(keeper)
        await keeper.start()
        return keeper

    yield make
    for keeper in made:
        await keeper.close()


@pytest.fixture
async def ledger(database_url):
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connection
    await connection.close()


async def attempts(keeper, number, *, requests=None, tokens=None, most=0, code=1):
    """How many of `number` calls at once are let in."""
    calls = [keeper.hold(code, requests=requests, tokens=tokens, most_tokens=most) for _ in range(number)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    strange = [one for one in done if isinstance(one, BaseException) and not isinstance(one, RateReached)]
    assert strange == []
    return [one for one in done if not isinstance(one, BaseException)]


async def later(ledger, seconds):
    """Let that much time pass: what was used moves into the past."""
    await ledger.execute("CREATE TEMPORARY TABLE moved AS SELECT * FROM rate_slots")
    await ledger.execute("DELETE FROM rate_slots")
    await ledger.execute(
        "INSERT INTO rate_slots SELECT code_id, kind, slot - $1::bigint, used FROM moved", seconds // SLOT
    )
    await ledger.execute("DROP TABLE moved")


async def test_processes_share_one_limit_exactly(keepers):
    processes = [await keepers() for _ in range(4)]
    let_in = [
        len(one) for one in await asyncio.gather(*(attempts(one, 20, requests=30) for one in processes))
    ]
    assert sum(let_in) == 30
    with pytest.raises(RateReached) as refused:
        await processes[0].hold(1, requests=30, tokens=None, most_tokens=0)
    assert (refused.value.code, refused.value.limit) == ("requests_per_minute", 30)
    assert 50 < refused.value.retry_after <= 62
    assert len(await attempts(processes[0], 5, requests=30, code=2)) == 5


async def test_what_a_process_took_ahead_and_did_not_use_is_given_back(keepers, ledger):
    first, second = await keepers(), await keepers()
    assert len(await attempts(first, 50, requests=1000)) == 50
    await first.close()
    assert await ledger.fetchval("SELECT sum(used) FROM rate_slots") == 50
    assert len(await attempts(second, 1000, requests=1000)) == 950


async def test_a_minute_later_all_of_it_is_there_again_and_not_before(keepers, ledger):
    keeper = await keepers()
    assert len(await attempts(keeper, 12, requests=10)) == 10
    keeper._windows.clear()
    await later(ledger, 58)
    assert await attempts(keeper, 1, requests=10) == []
    keeper._windows.clear()
    await later(ledger, 4)
    assert len(await attempts(keeper, 12, requests=10)) == 10


async def test_in_no_sixty_seconds_more_than_the_limit(ledger):
    """Slots at every pace: the sum over any 30 seconds-pairs that 60 seconds can touch stays within the limit."""
    taken = {}
    for slot in range(100):
        for _ in range(slot % 4):
            told = await ledger.fetchrow(
                "SELECT * FROM rate_take(1, 'requests', 1, 3, 20, 8, $1, $2, '{}', '{}')", SLOT, SLOTS
            )
            taken[slot] = taken.get(slot, 0) + told["taken"]
        await later(ledger, SLOT)
    windows = [sum(taken.get(slot, 0) for slot in range(start, start + SLOTS)) for start in range(70)]
    assert max(windows) <= 20
    assert max(windows) >= 18


async def test_tokens_count_as_the_most_first_and_as_what_they_were_then(keepers, ledger):
    first, second = await keepers(), await keepers()
    holds = await attempts(first, 5, tokens=1000, most=400)
    assert len(holds) == 3  # 400, 400 and the 200 that are left
    assert await attempts(second, 1, tokens=1000, most=1) == []
    for hold in holds:
        hold.close(100)
        hold.close(100)
    await first.close()
    assert await ledger.fetchval("SELECT sum(used) FROM rate_slots") == 300
    await asyncio.sleep(0.25)
    assert len(await attempts(second, 3, tokens=1000, most=350)) == 2


async def test_a_call_larger_than_the_limit_runs_alone_and_counts_truly(keepers, ledger):
    keeper = await keepers()
    [hold] = await attempts(keeper, 3, tokens=10, most=10**30)
    hold.close(15)
    assert await attempts(keeper, 1, tokens=10, most=1) == []
    await keeper.close()
    assert await ledger.fetchval("SELECT sum(used) FROM rate_slots") == 15


async def test_a_request_that_tokens_refuse_is_not_counted(keepers, ledger):
    keeper = await keepers()
    await keeper.hold(1, requests=5, tokens=10, most_tokens=10)
    for _ in range(3):
        with pytest.raises(RateReached, match="10 tokens per minute"):
            await keeper.hold(1, requests=5, tokens=10, most_tokens=10)
    await keeper.close()
    assert await ledger.fetchval("SELECT sum(used) FROM rate_slots WHERE kind = 'requests'") == 1


async def test_what_nobody_knows_counts_as_the_most(keepers, ledger):
    keeper = await keepers()
    (await keeper.hold(1, requests=None, tokens=1000, most_tokens=700)).close(None)
    await keeper.close()
    assert await ledger.fetchval("SELECT sum(used) FROM rate_slots") == 700


async def test_while_the_database_is_away_each_process_keeps_to_its_share(keepers):
    processes = [await keepers(NOWHERE) for _ in range(3)]
    owners = sorted(one.owner for one in processes)
    for one in processes:
        one._processes = owners
    assert sum([len(await attempts(one, 20, requests=10)) for one in processes]) == 10
    [hold] = await attempts(processes[0], 2, tokens=90, most=500, code=5)
    hold.close(10)
    assert len(await attempts(processes[0], 3, tokens=90, most=10, code=5)) == 2


async def test_what_was_used_meanwhile_is_told_when_it_is_back(keepers, ledger, database_url):
    keeper = await keepers(NOWHERE)
    assert len(await attempts(keeper, 7, requests=10)) == 7
    away, keeper._pool = (
        keeper._pool,
        await asyncpg.create_pool(asyncpg_dsn(database_url), min_size=0, max_size=1),
    )
    keeper._away_until = 0.0
    assert len(await attempts(keeper, 10, requests=10)) == 3
    away.terminate()


async def test_no_limit_asks_nobody(keepers):
    keeper = await keepers(NOWHERE)
    assert len(await attempts(keeper, 100)) == 100
    assert keeper._windows == {}
