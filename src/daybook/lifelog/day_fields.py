"""Validation of days in requests."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")


def _as_written(value: Any) -> Any:
    """Reject text that is not an ISO date: Pydantic would read a number as seconds since 1970."""
    if isinstance(value, str) and not _ISO.fullmatch(value):
        raise PydanticCustomError("day", "a day is written like 2026-11-20")
    return value


IsoDay = Annotated[date, BeforeValidator(_as_written)]
"""2026-11-20, and nothing else."""
