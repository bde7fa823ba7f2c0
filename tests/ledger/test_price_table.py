"""The prices that the shipper asks for each call."""

from decimal import Decimal

from daybook.ledger.prices import PriceTable, set_price
from daybook.ledger.schemas import PriceRequest
from llm_tracker.usage import Usage

USAGE = Usage(
    prompt_tokens=1_000_000, completion_tokens=500_000, total_tokens=1_500_000, cached_tokens=400_000
)


async def test_an_administrator_s_price_comes_before_the_public_one(session):
    public = (await PriceTable.load(session)).cost("gpt-4o", USAGE, provider="openai")
    assert public is not None
    await set_price(session, PriceRequest(model="gpt-4o", input=Decimal(1), output=Decimal(2)))
    assert (await PriceTable.load(session)).cost("gpt-4o", USAGE, provider="openai") == Decimal(2)
    await set_price(
        session,
        PriceRequest(model="gpt-4o", input=Decimal(1), output=Decimal(2), cached_input=Decimal("0.5")),
    )
    assert (await PriceTable.load(session)).cost("gpt-4o", USAGE, provider="openai") == Decimal("1.8")


async def test_an_unknown_model_has_no_price_until_one_is_set(session):
    assert (await PriceTable.load(session)).cost("house-model", USAGE) is None
    await set_price(session, PriceRequest(model="house-model", input=Decimal(0), output=Decimal(0)))
    assert (await PriceTable.load(session)).cost("house-model", USAGE) == 0
