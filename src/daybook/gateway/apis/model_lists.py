"""Lists of models, in the shape of the API that asks for them."""

from collections.abc import Mapping
from typing import Any

from daybook.gateway.apis.table import Family

_UNDATED = "1970-01-01T00:00:00Z"  # Anthropic's API promises a date; none is known for other people's models


def listing_of(family: Family, owners: Mapping[str, str]) -> dict[str, Any]:
    """All models; `owners` maps a model's name to the name of the configuration that serves it."""
    models = [one_of(family, model, owner) for model, owner in owners.items()]
    match family:
        case Family.ANTHROPIC:
            ends = {"first_id": models[0]["id"], "last_id": models[-1]["id"]} if models else {}
            return {"data": models, "has_more": False, "first_id": None, "last_id": None, **ends}
        case Family.GEMINI:
            return {"models": models}
        case Family.OPENAI:
            return {"object": "list", "data": models}


def one_of(family: Family, model: str, owner: str) -> dict[str, Any]:
    """One model."""
    match family:
        case Family.ANTHROPIC:
            return {
                "type": "model",
                "id": model,
                "display_name": _label(model, owner),
                "created_at": _UNDATED,
            }
        case Family.GEMINI:
            return {
                "name": f"models/{model}",
                "displayName": _label(model, owner),
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            }
        case Family.OPENAI:
            return {
                "id": model,
                "object": "model",
                "created": 0,
                "owned_by": owner,
                "name": _label(model, owner),
            }


def _label(model: str, owner: str) -> str:
    return f"{model} (offline demo model)" if owner == "demo" else model
