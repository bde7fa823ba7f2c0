"""`daybook calls prune`."""

import pytest

from support.ledger.lines import write_call, write_line


@pytest.fixture
async def old_calls(database):
    for at in ("2020-01-05", "2020-01-06"):
        await write_call(database, at, usage_id=await write_line(database, at))


async def test_pruning_is_told_first_then_done(cli, old_calls):
    told = await cli("calls", "prune", "--older-than", "90d", "--dry-run")
    assert told.status == 0
    assert "2020-01" in told.out
    assert "would be pruned" in told.out
    assert len((await cli("calls", "--json")).json) == 2

    done = (await cli("calls", "prune", "--older-than", "12w", "--json")).json
    [month] = done["months"]
    assert (month["month"], month["rows"], month["fate"]) == ("2020-01-01", 2, "pruned")
    assert (await cli("calls", "--json")).json == []
    assert (await cli("usage", "--json")).json["total_calls"] == 2
    assert "There are none." in (await cli("calls", "prune", "--older-than", "90d")).out


async def test_an_age_that_makes_no_sense_is_wrong_usage(cli):
    for age in ("90", "0d", "-1d", "1y", "99999w", ""):
        refused = await cli("calls", "prune", "--older-than", age)
        assert (refused.status, refused.out) == (2, ""), age
        assert "--older-than" in refused.err
    assert (await cli("calls", "prune")).status == 2
