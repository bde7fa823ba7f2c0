"""The door inside the house: Daybook's own model calls (diary, vision, later titles and the assistant).

They go the way of everybody's: the same choice of provider with retries and fallback, the same budgets, held before and
settled after, the same journal, and so one line and one call log each. Only the activation code is missing.

    async with open_house(settings, database, database_url) as house:
        model = await house.model_for("diary", user.settings)
        answer = await house.call(Ask(...), step=(job_id, "write"))
"""

from daybook.gateway.house.asks import Answer, Ask, Choice, Model, Purpose
from daybook.gateway.house.house import House, open_house
from daybook.gateway.house.outlook import Outlook, outlook
from daybook.gateway.house.refusals import is_lasting

__all__ = [
    "Answer",
    "Ask",
    "Choice",
    "House",
    "Model",
    "Outlook",
    "Purpose",
    "is_lasting",
    "open_house",
    "outlook",
]
