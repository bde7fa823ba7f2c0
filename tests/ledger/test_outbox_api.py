"""The outbox over the API, for administrators alone."""

import pytest_asyncio

from support.application.api import Api
from support.ledger.outbox import Outbox, told

OUTBOX = "/api/v1/admin/outbox"


@pytest_asyncio.fixture
async def outbox(database):
    """An event that is dead, one that was consumed, one that waits."""
    outbox = Outbox(database)
    await outbox.prepare()
    await outbox.put("told", "dead", {"number": "many"}, aggregate="a")
    await outbox.publish("consumed", aggregate="b", number=7)
    await outbox.deliver_all(told())
    await outbox.put("another", "waits", ["no object"], aggregate="c")
    return outbox


async def test_events_are_listed_and_found(root, outbox):
    page = await root.get(OUTBOX, page_size=2)
    assert [event["key"] for event in page["list"]] == ["waits", "consumed"]
    assert (page["total"], page["has_more"]) == (3, True)
    [dead] = (await root.get(OUTBOX, status="dead"))["list"]
    assert (dead["key"], dead["attempts"]) == ("dead", 1)
    assert "number" in dead["error"]
    assert [event["key"] for event in (await root.get(OUTBOX, type="another"))["list"]] == ["waits"]

    event = await root.get(f"{OUTBOX}/{(await outbox.row('consumed'))['id']}")
    assert (event["status"], event["payload"], event["version"]) == ("consumed", {"number": 7}, 1)
    assert event["consumed_at"].endswith("Z")
    assert (await root.call("GET", f"{OUTBOX}/99999"))[0] == 404
    assert (await root.call("GET", OUTBOX, status="gone"))[0] == 422


async def test_events_are_tried_again(root, outbox):
    dead, consumed = [(await outbox.row(key))["id"] for key in ("dead", "consumed")]
    status, event = await root.call("POST", f"{OUTBOX}/{dead}/retry")
    assert (status, event["status"], event["attempts"], event["error"]) == (200, "pending", 0, None)
    assert (await outbox.row("dead"))["status"] == "pending"
    status, answer = await root.call("POST", f"{OUTBOX}/{consumed}/retry")
    assert (status, answer["error"]["code"]) == (409, "conflict")
    assert (await root.call("POST", f"{OUTBOX}/99999/retry"))[0] == 404

    assert await root.call("POST", f"{OUTBOX}/retry") == (200, {"retried": 0})
    await outbox.deliver_all(told())
    assert await root.call("POST", f"{OUTBOX}/retry") == (200, {"retried": 1})


async def test_only_administrators_see_the_outbox(ana, visitor, outbox):
    for browser, expected in ((ana, 403), (visitor, 401)):
        for method, path in (
            ("GET", OUTBOX),
            ("GET", f"{OUTBOX}/1"),
            ("POST", f"{OUTBOX}/1/retry"),
            ("POST", f"{OUTBOX}/retry"),
        ):
            assert (await Api(browser).call(method, path))[0] == expected, (method, path)
    assert (await outbox.row("dead"))["status"] == "dead"
