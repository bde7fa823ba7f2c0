"""Prices set by administrators. They take precedence over the library's table of public prices."""

from datetime import datetime
from decimal import Decimal

from daybook.db.engine import ReadSession, WriteSession
from daybook.ledger import repository
from daybook.ledger.models import ModelPrice
from daybook.ledger.schemas import PriceRequest, PriceResponse
from llm_tracker.pricing import Price, price_of
from llm_tracker.usage import Usage


async def set_price(session: WriteSession, new: PriceRequest) -> PriceResponse:
    """Set a model's price from now on. Lines in the ledger keep their cost."""
    price = ModelPrice(**new.model_dump())
    session.add(price)
    await session.flush()
    await session.refresh(price)
    return PriceResponse.model_validate(price, from_attributes=True)


async def list_prices(session: ReadSession | WriteSession) -> list[PriceResponse]:
    """The price that counts for each model that has one, by name."""
    return [
        PriceResponse.model_validate(row, from_attributes=True) for row in await repository.prices(session)
    ]


class PriceTable:
    """Prices of models as they were when loaded, so that a price costs no query."""

    def __init__(self, prices: dict[str, Price] | None = None) -> None:
        self._prices = prices or {}

    @classmethod
    async def load(cls, session: ReadSession | WriteSession) -> "PriceTable":
        """The ledger as the database has it now."""
        return cls(
            {
                price.model: Price(price.input, price.output, price.cached_input, price.cache_write)
                for price in await list_prices(session)
            }
        )

    def cost(
        self, model: str, usage: Usage, *, provider: str | None = None, at: datetime | None = None
    ) -> Decimal | None:
        """Return the cost of a call in USD by an administrator's price, else the public one; None if unknown."""
        return price_of(model, usage, provider=provider, at=at, prices=self._prices)
