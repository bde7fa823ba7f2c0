"""Responses of the calendar."""

import datetime as dt

from pydantic import BaseModel, Field


class CalendarDay(BaseModel):
    """Contents of a day."""

    date: dt.date
    events: int = Field(description="Beginning on this day.")
    recordings: int = Field(description="Beginning on this day.")
    has_diary: bool = Field(description="True if a page was written, by a model or by you.")
    thumbnail_url: str | None = Field(description="A picture of the day, by a link that expires.")


class CalendarResponse(BaseModel):
    """The days with contents, in order."""

    timezone: str
    days: list[CalendarDay]
