"""`daybook diary`."""

import pytest_asyncio

from support.lifelog.diary import diary_with_author


@pytest_asyncio.fixture
async def diary(database, database_url, tmp_path):
    """Ana's diary, an event in it, and a model to write it."""
    async with diary_with_author(database, database_url, tmp_path / "data") as diary:
        await diary.event("09:00", "Tea with Ben.")
        yield diary


async def test_at_the_command_line(diary, cli):
    asked = await cli("diary", "refresh", "2026-11-20", "--user", "ana")
    assert asked.status == 0, asked.err
    assert "daybook jobs show" in asked.out
    await diary.work()
    shown = await cli("diary", "show", "2026-11-20", "--user", "ana")
    assert "Tea with Ben." in shown.out
    assert "version 1" in shown.out
    again = await cli("diary", "refresh", "2026-11-20", "--user", "ana")
    assert "up to date (version 1)" in again.out
    forced = await cli("diary", "refresh", "2026-11-20", "--user", "ana", "--force", "--json")
    assert forced.json["job_id"]
    await diary.work()
    page = (await cli("diary", "show", "2026-11-20", "--user", "ana", "--json")).json
    assert page["version"] == 2
    empty = await cli("diary", "show", "2026-11-19", "--user", "ana")
    assert "There is no page." in empty.out


async def test_what_cannot_be_is_said(diary, cli):
    for wrong in (
        ["show", "today", "--user", "ana"],
        ["show", "2026-11-20", "--user", "nobody"],
        ["refresh", "x"],
    ):
        done = await cli("diary", *wrong)
        assert done.status in {1, 2}
        assert done.err
