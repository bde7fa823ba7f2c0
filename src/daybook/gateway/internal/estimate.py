"""Dry run: which model an internal call would use, and its estimated cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from daybook.db.engine import ReadSession, WriteSession
from daybook.gateway.apis.chat_completions import CHAT_COMPLETIONS
from daybook.gateway.call.routing import targets_for
from daybook.gateway.internal.model_choice import choose
from daybook.gateway.internal.requests import ModelChoice, Purpose
from daybook.gateway.providers import service
from daybook.gateway.providers.config import Target
from daybook.gateway.providers.vault import Vault
from daybook.ledger.prices import PriceTable
from daybook.settings import Settings
from llm_tracker.usage import Usage


@dataclass(frozen=True, slots=True)
class CallEstimate:
    """The model for a purpose, and its price."""

    choice: ModelChoice
    target: Target | None
    prices: PriceTable

    def cost(self, usage: Usage) -> Decimal | None:
        """Return the cost of these tokens in USD; None if the price is unknown or there is no model."""
        if self.target is None:
            return None
        return self.prices.cost(self.target.model, usage, provider=self.target.config.provider.name)


async def estimate_call(
    session: ReadSession | WriteSession,
    settings: Settings,
    purpose: Purpose,
    user_settings: Mapping[str, Any] | None,
) -> CallEstimate:
    """Return what `InternalClient.choice` would choose, for a process without an `InternalClient`."""
    configs = await service.load_configs(session, Vault.of(settings))
    choice = choose(configs, settings, purpose, user_settings)
    target = None if choice.model is None else targets_for(configs, CHAT_COMPLETIONS, choice.model.name)[0]
    return CallEstimate(choice, target, await PriceTable.load(session))
