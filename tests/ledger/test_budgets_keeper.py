"""Holds in one process: what is held, refused, given back and found again after the database was away."""

import asyncio
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from daybook.kit.errors import Unavailable
from daybook.ledger.budgets import keeper as keeping
from daybook.ledger.budgets.errors import BudgetReached, PriceUnknown
from daybook.ledger.budgets.terms import Subjects
from support.ledger.budgets import Ledger, bound

SOMEBODY = Subjects(code_id=1, group_id=2, user_id=3)


@pytest.fixture
async def ledger(database_url):
    """Budgets on a fresh database: keepers that are closed afterwards, and what the tables say."""
    async with Ledger.open(database_url) as ledger:
        yield ledger


async def test_a_call_without_a_budget_holds_nothing(ledger):
    await ledger.budget("code", 99, 10)
    keeper = await ledger.keeper()
    hold = await keeper.hold(SOMEBODY, bound(10**9))
    assert hold.as_json() == []
    hold.close()


async def test_use_and_holds_never_pass_the_limit(ledger):
    budget = await ledger.budget("code", 1, 1000)
    keeper = await ledger.keeper()
    first, second = await keeper.hold(SOMEBODY, bound(400)), await keeper.hold(SOMEBODY, bound(600))
    with pytest.raises(BudgetReached) as refused:
        await keeper.hold(SOMEBODY, bound(1))
    assert (refused.value.limit, refused.value.used, refused.value.held) == (1000, 0, 1000)
    assert refused.value.retry_after < 10
    assert await ledger.period(budget) == (0, 1000, 0)

    await ledger.end(keeper, first, tokens=100)
    third = await keeper.hold(SOMEBODY, bound(300))
    await ledger.end(keeper, third, tokens=300)
    await ledger.end(keeper, second, tokens=600)
    with pytest.raises(BudgetReached) as refused:
        await keeper.hold(SOMEBODY, bound(1))
    assert refused.value.used == 1000
    assert refused.value.retry_after > 10
    assert "1,000 tokens used" in str(refused.value)
    await keeper.close()
    assert await ledger.period(budget) == (1000, 0, 0)
    assert await ledger.differences() == []


async def test_a_call_holds_all_of_its_budgets_or_none(ledger):
    of_code = await ledger.budget("code", 1, 1000)
    of_group = await ledger.budget("group", 2, 500)
    of_user = await ledger.budget("user", 3, 50, unit="usd", period="month")
    keeper = await ledger.keeper()
    hold = await keeper.hold(SOMEBODY, bound(400, "49.5"))
    assert [part[0] for part in hold.as_json()] == [of_code, of_group, of_user]
    with pytest.raises(BudgetReached, match="group"):
        await keeper.hold(SOMEBODY, bound(200, "0.1"))
    with pytest.raises(BudgetReached, match=r"user's monthly budget of 50 USD"):
        await keeper.hold(SOMEBODY, bound(100, "0.51"))
    other = await keeper.hold(Subjects(code_id=1), bound(600))
    await ledger.end(keeper, hold, tokens=10, cost="0.000000001")
    await ledger.end(keeper, other, tokens=600)
    await keeper.close()
    assert await ledger.period(of_code) == (610, 0, 0)
    assert await ledger.period(of_group) == (10, 0, 0)
    assert await ledger.period(of_user) == (Decimal("0.000000001"), 0, 0)


async def test_money_is_exact(ledger):
    budget = await ledger.budget("code", 1, "0.3", unit="usd")
    keeper = await ledger.keeper()
    for _ in range(3):
        await ledger.end(keeper, await keeper.hold(SOMEBODY, bound(1, "0.1")), tokens=1, cost="0.1")
    with pytest.raises(BudgetReached):
        await keeper.hold(SOMEBODY, bound(1, "0.000000000001"))
    await keeper.close()
    assert await ledger.period(budget) == (Decimal("0.3"), 0, 0)


async def test_a_model_without_a_price_is_refused_where_money_is_limited(ledger):
    await ledger.budget("user", 3, 5, unit="usd")
    keeper = await ledger.keeper()
    with pytest.raises(PriceUnknown, match=r"'mystery'.*daybook price set"):
        await keeper.hold(SOMEBODY, bound(1, None), model="mystery")
    assert (await keeper.hold(Subjects(code_id=1), bound(1, None))).parts == ()


async def test_a_soft_budget_counts_warns_once_and_lets_pass(ledger):
    budget = await ledger.budget("code", 1, 100, hard=False)
    keeper = await ledger.keeper()
    assert keeper.warnings(SOMEBODY) == []
    reached = []
    for _ in range(3):
        hold = await keeper.hold(SOMEBODY, bound(10**6))
        reached += await ledger.end(keeper, hold, tokens=60)
    assert [(one.budget_id, one.limit, one.used) for one in reached] == [(budget, 100, 120)]
    assert await ledger.period(budget) == (180, 0, 0)
    await keeper._look()
    [warning] = keeper.warnings(SOMEBODY)
    assert (warning.used, warning.limit) == (180, 100)
    assert warning.words.isascii()
    assert keeper.warnings(Subjects(code_id=2)) == []


async def test_a_day_and_a_month_begin_with_nothing_used_and_a_call_settles_where_it_began(ledger):
    daily, monthly = await ledger.budget("code", 1, 100), await ledger.budget("code", 1, 250, period="month")
    clock = ledger.clock = lambda: moment
    moment = datetime(2026, 1, 30, 23, 59, 59, tzinfo=UTC)
    keeper = await ledger.keeper()
    over_midnight = await keeper.hold(SOMEBODY, bound(100))
    with pytest.raises(BudgetReached) as refused:
        await keeper.hold(SOMEBODY, bound(1))
    assert refused.value.resets_at == datetime(2026, 1, 31, tzinfo=UTC)
    moment = datetime(2026, 1, 31, 0, 0, 1, tzinfo=UTC)
    next_day = await keeper.hold(SOMEBODY, bound(100))
    await ledger.end(keeper, over_midnight, tokens=70)
    await ledger.end(keeper, next_day, tokens=90)
    assert clock() is moment
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    with pytest.raises(BudgetReached, match="daily"):
        await keeper.hold(SOMEBODY, bound(11))
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    await ledger.end(keeper, await keeper.hold(SOMEBODY, bound(100)), tokens=100)
    await keeper.close()
    assert await ledger.period(daily, date(2026, 1, 30)) == (70, 0, 0)
    assert await ledger.period(daily, date(2026, 1, 31)) == (90, 0, 0)
    assert await ledger.period(monthly, date(2026, 1, 1)) == (160, 0, 0)
    assert await ledger.period(monthly, date(2026, 2, 1)) == (100, 0, 0)
    assert await ledger.differences() == []


async def test_a_provider_that_reports_too_much_is_recorded_truly_and_flagged(ledger):
    budget = await ledger.budget("code", 1, 100)
    keeper = await ledger.keeper()
    first, second = await keeper.hold(SOMEBODY, bound(50)), await keeper.hold(SOMEBODY, bound(50))
    await ledger.end(keeper, first, tokens=80)
    assert await ledger.period(budget) == (80, 50, 30)
    await ledger.end(keeper, second, tokens=50)
    await keeper.close()
    assert await ledger.period(budget) == (130, 0, 30)


async def test_what_is_not_known_at_the_end_stays_held_until_it_is_settled(ledger):
    budget = await ledger.budget("code", 1, 100)
    keeper = await ledger.keeper()
    hold = await keeper.hold(SOMEBODY, bound(60))
    hold.take(None, None)
    hold.close()
    with pytest.raises(BudgetReached):
        await keeper.hold(SOMEBODY, bound(50))
    await ledger.settle(keeper.owner, hold.as_json(), tokens=20)
    again = await keeper.hold(SOMEBODY, bound(80))
    again.cancel()
    await keeper.close()
    assert await ledger.period(budget) == (20, 0, 0)


async def test_leases_are_whole_units_so_that_sums_stay_exact(ledger):
    tokens = await ledger.budget("code", 1, 10**6)
    money = await ledger.budget("code", 1, "1.1", unit="usd")
    keeper = await ledger.keeper()
    for number in range(1, 60):
        amounts = bound(number * 7 % 101 + 1, f"0.00{number * 7 % 101 + 1:03}1")
        await ledger.end(keeper, await keeper.hold(SOMEBODY, amounts), tokens=number % 3, cost="0.000001")
        for held, places in (((await ledger.period(tokens))[1], 0), ((await ledger.period(money))[1], 9)):
            assert held == round(held, places)
    await keeper.close()
    assert await ledger.differences() == []


async def test_settling_twice_counts_once(ledger):
    budget = await ledger.budget("code", 1, 100)
    keeper = await ledger.keeper()
    hold = await keeper.hold(SOMEBODY, bound(60))
    call_id = uuid4()
    for _ in range(2):
        await ledger.settle(keeper.owner, hold.as_json(), tokens=20, call_id=call_id)
    assert (await ledger.period(budget))[0] == 20


async def test_waiting_calls_share_one_slice_and_cancelled_ones_leave_nothing(ledger):
    budget = await ledger.budget("code", 1, 10_000)
    keeper = await ledger.keeper()
    calls = [asyncio.create_task(keeper.hold(SOMEBODY, bound(100))) for _ in range(64)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    done = await asyncio.gather(*calls, return_exceptions=True)
    holds = [one for one in done if not isinstance(one, BaseException)]
    assert len(holds) == 32
    for hold in holds:
        await ledger.end(keeper, hold, tokens=1)
    await keeper.close()
    assert await ledger.period(budget) == (32, 0, 0)


async def test_a_budget_that_is_set_changed_or_taken_away_is_felt(ledger):
    keeper = await ledger.keeper()
    budget = await ledger.budget("code", 1, 100)
    await keeper._look()
    hold = await keeper.hold(SOMEBODY, bound(100))
    await ledger.change(budget, limit=150)
    (await keeper.hold(SOMEBODY, bound(50))).cancel()
    await ledger.change(budget, limit=10)
    with pytest.raises(BudgetReached):
        await keeper.hold(SOMEBODY, bound(60))
    await ledger.change(budget, active=False)
    assert (await keeper.hold(SOMEBODY, bound(10**6))).parts == ()  # before it looked again
    await keeper._look()
    assert (await keeper.hold(SOMEBODY, bound(10**6))).parts == ()
    await ledger.end(keeper, hold, tokens=5)
    await keeper.close()
    assert await ledger.period(budget) == (5, 0, 0)


async def felt(keeper, limit):
    """Wait until the keeper has a budget of `limit`; the seconds that it took."""
    started = time.monotonic()
    async with asyncio.timeout(2):
        while [one.limit for one in keeper._known.terms.values()] != [limit]:
            await asyncio.sleep(0.01)
    return time.monotonic() - started


async def test_a_changed_budget_is_felt_at_once_also_after_connections_were_killed(ledger, monkeypatch):
    """Nothing but notifications can tell: all budgets are read again an hour later."""
    monkeypatch.setattr(keeping, "REREAD", 3600.0)
    keeper = await ledger.keeper()
    budget = await ledger.budget("code", 1, 100)
    await felt(keeper, 100)
    for limit in (200, 300):
        await ledger.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await ledger.change(budget, limit=limit)
        assert await felt(keeper, limit) < 2
    await ledger.change(budget, limit=400)
    assert await felt(keeper, 400) < 2


async def test_a_lost_notification_is_made_up_for(ledger, monkeypatch):
    monkeypatch.setattr(keeping, "REREAD", 0.5)
    await ledger.connection.execute("ALTER TABLE budgets DISABLE TRIGGER budgets_changed")
    keeper = await ledger.keeper()
    await asyncio.sleep(0.3)
    await ledger.budget("code", 1, 100)
    await felt(keeper, 100)


async def test_a_change_that_is_rolled_back_is_not_felt_and_budgets_are_not_read_for_nothing(
    ledger, monkeypatch
):
    await ledger.budget("code", 1, 100)
    keeper = await ledger.keeper()
    await asyncio.sleep(0.5)
    seen = []
    look = keeper._look

    def noted(*, whole=True):
        seen.append(whole)
        return look(whole=whole)

    monkeypatch.setattr(keeper, "_look", noted)
    change = ledger.connection.transaction()
    await change.start()
    await ledger.budget("user", 3, 100)
    await change.rollback()
    await asyncio.sleep(2.5)
    assert len(seen) >= 2
    assert True not in seen


async def test_a_soft_budget_that_others_reach_warns_at_once(ledger):
    await ledger.budget("code", 1, 100, hard=False)
    keeper, other = await ledger.keeper(), await ledger.keeper()
    await asyncio.sleep(0.3)
    await ledger.end(other, await other.hold(SOMEBODY, bound(10**6)), tokens=120)
    async with asyncio.timeout(2):
        while not keeper.warnings(SOMEBODY):
            await asyncio.sleep(0.01)


async def test_a_budget_that_comes_back_into_force_remembers_what_was_spent(ledger):
    budget = await ledger.budget("code", 1, 100)
    keeper = await ledger.keeper()
    await ledger.end(keeper, await keeper.hold(SOMEBODY, bound(60)), tokens=60)
    for active in (False, False, True):
        await ledger.change(budget, active=active)
        await keeper._look()
    with pytest.raises(BudgetReached):
        await keeper.hold(SOMEBODY, bound(60))
    await keeper.close()
    assert await ledger.period(budget) == (60, 0, 0)


async def test_old_leases_are_forgotten_and_do_not_come_back_as_room(ledger):
    daily = await ledger.budget("code", 1, 100)
    moment = datetime(2026, 1, 10, tzinfo=UTC)
    ledger.clock = lambda: moment
    keeper = await ledger.keeper()
    await ledger.end(keeper, await keeper.hold(SOMEBODY, bound(60)), tokens=60)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    keeper._seen_at = float("-inf")
    await keeper._look()
    keeper._seen_at = float("-inf")
    await keeper._look()
    assert keeper._leases == {}
    assert await ledger.connection.fetchval("SELECT count(*) FROM budget_leases") == 0
    with pytest.raises(BudgetReached):
        await keeper.hold(SOMEBODY, bound(60), at=datetime(2026, 1, 10, tzinfo=UTC))
    assert await ledger.period(daily) == (60, 0, 0)


async def test_what_is_not_needed_goes_back_so_that_others_can_have_it(ledger):
    budget = await ledger.budget("code", 1, 10_000)
    idle, busy = await ledger.keeper("idle"), await ledger.keeper("busy")
    await ledger.end(idle, await idle.hold(SOMEBODY, bound(500)), tokens=500)
    assert (await ledger.period(budget))[1] > 0
    large = await busy.hold(SOMEBODY, bound(8000))
    with pytest.raises(BudgetReached) as refused:
        await busy.hold(SOMEBODY, bound(1500))
    assert refused.value.retry_after < 10
    await idle._look()
    small = await busy.hold(SOMEBODY, bound(1500))
    assert await ledger.period(budget) == (500, 9500, 0)
    large.cancel()
    small.cancel()
    await busy.close()
    await idle.close()
    assert await ledger.period(budget) == (500, 0, 0)


async def test_what_a_dead_process_leased_is_released_once_its_calls_are_settled(ledger):
    budget = await ledger.budget("code", 1, 1000)
    dead = await ledger.keeper("dead")
    lost = await dead.hold(SOMEBODY, bound(300))
    await ledger.abandon(dead)
    other = await ledger.keeper("other")
    with pytest.raises(BudgetReached):
        await other.hold(SOMEBODY, bound(800))
    await ledger.settle("dead", lost.as_json(), tokens=120)
    assert await ledger.release("dead") == 1
    assert await ledger.period(budget) == (120, 0, 0)
    (await other.hold(SOMEBODY, bound(880))).cancel()


async def test_a_process_whose_leases_were_released_while_it_lived_leases_anew(ledger):
    budget = await ledger.budget("code", 1, 1000)
    keeper = await ledger.keeper()
    before = await keeper.hold(SOMEBODY, bound(400))
    await ledger.release(keeper.owner)
    after = await keeper.hold(SOMEBODY, bound(700))
    assert (await ledger.period(budget))[1] >= 700
    await ledger.end(keeper, before, tokens=10)
    await ledger.end(keeper, after, tokens=20)
    await keeper.close()
    assert await ledger.period(budget) == (30, 0, 0)
    assert await ledger.differences() == []


async def test_while_the_database_is_away_hard_budgets_refuse_and_others_go_on(ledger, monkeypatch):
    await ledger.budget("code", 1, 1000)
    await ledger.budget("user", 3, 1, hard=False)
    keeper = await ledger.keeper()
    (await keeper.hold(SOMEBODY, bound(10))).cancel()
    keeper._heard_at -= 10
    with pytest.raises(Unavailable) as refused:
        await keeper.hold(SOMEBODY, bound(10))
    assert refused.value.code == "database_unavailable"
    assert len((await keeper.hold(Subjects(user_id=3), bound(10))).parts) == 1
    await keeper._look()
    (await keeper.hold(SOMEBODY, bound(10))).cancel()


async def test_a_process_that_never_saw_the_database_lets_nothing_pass():
    from daybook.ledger.budgets.keeper import BudgetKeeper

    keeper = BudgetKeeper("postgresql://nobody@127.0.0.1:1/nothing", "lonely")
    await keeper.start()
    with pytest.raises(Unavailable):
        await keeper.hold(SOMEBODY, bound(1))
    await keeper.close()


async def test_answers_that_were_lost_are_made_up_for(ledger):
    """Connections are killed while slices are asked for and given back: in the end nothing is held too much."""
    budget = await ledger.budget("code", 1, 10**6)
    keeper = await ledger.keeper()
    used = 0
    async with ledger.killing_connections(0.02):
        for number in range(200):
            try:
                hold = await keeper.hold(SOMEBODY, bound(3000 if number % 3 else 9000))
            except Unavailable:
                continue
            await ledger.end(keeper, hold, tokens=50)
            used += 50
            if number % 10 == 0:
                await keeper._look()
    assert used > 1000
    await keeper.close()
    assert await ledger.period(budget) == (used, 0, 0)
    assert await ledger.differences() == []


async def test_what_is_leased_is_on_disk_whatever_the_server_is_set_to(ledger):
    """The tests' server does not wait for its disk: `synchronous_commit` is off."""
    read = ledger.connection.fetchval
    assert await read("SHOW synchronous_commit") == "off"
    await read("CREATE TABLE seen AS SELECT current_setting('synchronous_commit') AS waits LIMIT 0")
    await read(
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$"
    )
    await read("CREATE TRIGGER see AFTER INSERT ON budget_leases FOR EACH ROW EXECUTE FUNCTION see()")
    await ledger.budget("code", 1, 1000)
    keeper = await ledger.keeper()
    await keeper.hold(SOMEBODY, bound(400))
    assert await read("SELECT string_agg(DISTINCT waits, ' ') FROM seen") == "on"
