"""The HTTP header `Retry-After`, in seconds."""

import math

_DIGITS = 6  # a longer number is no time to wait


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds; None for no value, a date, or anything else."""
    is_number = value is not None and value.isascii() and value.isdecimal() and len(value) <= _DIGITS
    return float(value) if value is not None and is_number else None


def format_retry_after(seconds: float) -> str:
    """Return the header's value: whole seconds, at least one."""
    return str(max(1, math.ceil(seconds)))
