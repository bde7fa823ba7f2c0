"""The common result of all file formats: events to import, and problems."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any

import orjson
from annotated_types import MaxLen
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from daybook.lifelog.events.fields import Duration, Label, Moment, Objects, Summary

MOST_ROWS = 10_000
"""Events of one file, occurrences of repeating ones included."""

LONGEST_KEY = 200
"""Characters of a key; longer keys are stored as a hash."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The reason why an entry is not imported, or not completely. `line` counts from 1."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """An event to import, with its times in UTC. `key` identifies it in its source."""

    line: int
    key: str
    start_time: datetime
    duration: float | None
    action: str | None = None
    scene: str | None = None
    summary: str | None = None
    objects: tuple[str, ...] = ()


class Fields(BaseModel):
    """The fields of an event in JSON or CSV. Its length is either `duration`, in seconds, or `end_time`."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    key: Annotated[str, MaxLen(2000)] | None = None
    start_time: Moment
    end_time: Moment | None = None
    duration: Duration | None = None
    action: Label | None = None
    scene: Label | None = None
    summary: Summary | None = None
    objects: Objects | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "Fields":
        if self.end_time is not None and self.duration is not None:
            raise ValueError("give duration or end_time, not both")
        if not (self.action or self.scene or self.summary or self.objects):
            raise ValueError("say something: action, scene, summary or objects")
        return self


def row_of(line: int, values: dict[str, Any], zone: tzinfo) -> Row | Problem:
    """Return the event in `values`; times without an offset are local times of `zone`."""
    try:
        fields = Fields.model_validate(values)
    except ValidationError as error:
        return Problem(line, words_of(error))
    start = _utc(fields.start_time, zone)
    duration = fields.duration
    if fields.end_time is not None:
        duration = (_utc(fields.end_time, zone) - start).total_seconds()
        if duration < 0:
            return Problem(line, "end_time: lies before start_time.")
    said = (fields.action, fields.scene, fields.summary, tuple(fields.objects or ()))
    key = f"key:{fields.key}" if fields.key else f"row:{_hash([start.isoformat(), duration, *said])}"
    return Row(line, kept_key(key), start, duration, *said)


def kept_key(key: str) -> str:
    """Return `key` as stored."""
    return key if len(key) <= LONGEST_KEY and key.isprintable() else f"hash:{_hash(key)}"


def words_of(error: ValidationError) -> str:
    """Describe the problems of a row, field by field, without the values."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    words = [
        f"{'.'.join(str(part) for part in problem['loc'])}: {_plain(problem['msg'])}"
        if problem["loc"]
        else _plain(problem["msg"])
        for problem in problems[:5]
    ]
    return f"{'; '.join(words)}."


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def _utc(moment: datetime, zone: tzinfo) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _hash(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value)).hexdigest()
