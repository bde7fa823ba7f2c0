"""The providers that Daybook knows: one file each, and one line here."""

from daybook.gateway.providers.kinds.anthropic import ANTHROPIC
from daybook.gateway.providers.kinds.azure_openai import AZURE_OPENAI
from daybook.gateway.providers.kinds.gemini import GEMINI
from daybook.gateway.providers.kinds.openai import OPENAI
from daybook.gateway.providers.kinds.openai_compatible import OPENAI_COMPATIBLE
from daybook.gateway.providers.provider import Provider

PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (OPENAI, ANTHROPIC, GEMINI, AZURE_OPENAI, OPENAI_COMPATIBLE)
}
"""By name, in the order in which pages offer them."""

__all__ = ["ANTHROPIC", "AZURE_OPENAI", "GEMINI", "OPENAI", "OPENAI_COMPATIBLE", "PROVIDERS"]
