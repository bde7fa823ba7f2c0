"""The `diary_generation` job: collect the day's events, write, check the sentences against the events, save.

The page is saved as a whole. An earlier page stays until then, also if the job fails.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from daybook.accounts import service as accounts
from daybook.accounts.models import User
from daybook.db.engine import WriteSession
from daybook.gateway.internal import Model
from daybook.jobs import JobContext, JobFailed
from daybook.jobs import service as jobs
from daybook.kit import failpoints
from daybook.lifelog.context import WorkerServices
from daybook.lifelog.costs import record_costs
from daybook.lifelog.days import zone_named
from daybook.lifelog.diary import repository
from daybook.lifelog.diary.demo import write_demo
from daybook.lifelog.diary.faithfulness.quotes import quotes_in
from daybook.lifelog.diary.grounding import Grounded
from daybook.lifelog.diary.hashing import events_hash
from daybook.lifelog.diary.model_client import DiaryModelClient, digest_of
from daybook.lifelog.diary.notes import Note, Sentence, notes_of
from daybook.lifelog.diary.repository import NewVersion
from daybook.lifelog.diary.service import PASSED_OVER
from daybook.lifelog.diary.style import Style, style_of
from daybook.lifelog.diary.writing import write
from daybook.lifelog.events import service as events
from daybook.lifelog.events.models import Event
from daybook.lifelog.script import detect, in_script, script_of_language

_KEPT = " The page is unchanged."


@dataclass(frozen=True, slots=True)
class _Day:
    """The input of a page when the job begins."""

    day: date
    user: User
    timezone: ZoneInfo
    events: Sequence[Event]
    events_hash: str
    stored_hash: str | None
    written_version: int | None
    """The version that this job wrote before it was interrupted."""


async def generate(services: WorkerServices, context: JobContext) -> None:
    """Write the page, unless it exists and is not forced.

    Raises `JobFailed` and what `InternalClient.call` does.
    """
    await context.progress(0.0, "collecting")
    found = await _collect(services, context)
    if found.written_version is None:
        if not found.events:
            raise JobFailed(
                "no_events",
                f"There are no events on {found.day.isoformat()}, so there is nothing to write about. Upload that "
                f"day's footage or write an event down.{_KEPT if found.stored_hash else ''}",
                {"day": found.day.isoformat()},
            )
        if found.stored_hash == found.events_hash and not await _is_forced(context):
            context.metric("unchanged", value=True)
            return
        async with record_costs(context, services):
            found_version = await _write(services, context, found)
            await context.progress(0.98, "counting")  # until the lines of its calls are in the ledger
        context.metric("version", found_version)
    else:
        async with record_costs(context, services):
            context.metric("version", found.written_version)


async def _is_forced(context: JobContext) -> bool:
    """Return True if a forced refresh was requested. Otherwise the job ends here, and a later forced refresh enqueues a
    new one.
    """
    if context.params.get("force_refresh"):
        return True
    with contextlib.suppress(_Forced):
        async with context.write() as session:
            if (await jobs.release_subject(session, context.job_id)).get("force_refresh"):
                raise _Forced  # which undoes the letting go
        return False
    return True


class _Forced(Exception):
    """A forced refresh was requested after the job began."""


async def _collect(services: WorkerServices, context: JobContext) -> _Day:
    day = _date_of(context)
    async with services.database.read() as session:
        user = await accounts.get_user(session, context.user_id or 0)
        if not user.active:
            raise JobFailed("user_inactive", "The account is no longer active, so nothing is written for it.")
        of_day = await events.of_day(session, user.id, day, user.timezone)
        page = await repository.page_of(session, user.id, day)
        written = await repository.version_of_job(session, context.job_id)
    timezone = zone_named(user.timezone)
    context.metric("events", len(of_day))
    failpoints.point("diary.collected")
    return _Day(
        day,
        user,
        timezone,
        of_day,
        events_hash(of_day, timezone),
        page.events_hash if page else None,
        written.version if written else None,
    )


async def _write(services: WorkerServices, context: JobContext, found: _Day) -> int:
    style = style_of(found.user.settings)
    choice = await services.internal_client.choice("diary", found.user.settings)
    if choice.model is None:
        raise JobFailed(
            "no_model",
            f"No model is available for the diary. {choice.reason or ''}{_KEPT if found.stored_hash else ''}",
        )
    if choice.reason is not None:
        context.metric("other_model_because", choice.reason)
    if choice.passed_over is not None:
        context.metric(PASSED_OVER, choice.passed_over[:128])
    notes = notes_of(found.events, found.timezone, style)
    held = await _held(services, context, found, style, choice.model, notes)
    _note_sentences(context, held)
    failpoints.point("diary.written")
    await context.progress(0.95, "saving")
    sentences = _finished(held.kept, style)
    new = NewVersion(
        content=_content(sentences, style),
        events_hash=found.events_hash,
        citations=[_citation(sentence) for sentence in sentences],
        language=style.language,
        tone=style.tone,
        model=choice.model.name[:128],
        is_demo=choice.model.is_demo,
        job_id=context.job_id,
    )

    async def save(session: WriteSession) -> int:
        await jobs.release_subject(session, context.job_id)
        return (await repository.add_version(session, found.user.id, found.day, new)).version

    failpoints.point("diary.save.before")
    version = await context.write_step("save", save)
    failpoints.point("diary.save.after")
    return version


async def _held(
    services: WorkerServices,
    context: JobContext,
    found: _Day,
    style: Style,
    model: Model,
    notes: Sequence[Note],
) -> Grounded:
    """Return the sentences of the model that are supported by their notes."""
    digest = digest_of(found.events_hash, style.language, style.tone, model.name)
    client = DiaryModelClient(services.internal_client, context, model, style, found.day.isoformat(), digest)
    await context.progress(0.05, "writing")
    if model.is_demo:
        return await write_demo(client, notes, context.progress)
    return await write(client, notes, context=services.settings.diary_context, progress=context.progress)


def _finished(kept: Sequence[Sentence], style: Style) -> list[Sentence]:
    """Return the page's sentences: in the reader's script, without duplicates, with paragraphs counted from 0.

    Quotations that occur literally in an event are not converted.
    """
    script = script_of_language(style.language)
    written = "".join(sentence.text for sentence in kept if not sentence.own_words)
    in_other_script = script is not None and detect(written) not in {script, None}
    finished: list[Sentence] = []
    paragraphs: dict[int, int] = {}
    for sentence in kept:
        said = "\n".join(source.text for source in sentence.sources)
        text = in_script(
            sentence.text,
            style.language,
            kept=[quote for quote in quotes_in(sentence.text) if quote in said],
            whole=in_other_script and not sentence.own_words,
        )
        if any(text == other.text and sentence.events == other.events for other in finished):
            continue
        paragraph = paragraphs.setdefault(sentence.paragraph, len(paragraphs))
        finished.append(Sentence(text, sentence.events, sentence.sources, paragraph, sentence.own_words))
    return finished


def _content(sentences: Sequence[Sentence], style: Style) -> str:
    paragraphs: dict[int, list[str]] = {}
    for sentence in sentences:
        paragraphs.setdefault(sentence.paragraph, []).append(sentence.text)
    return "\n\n".join((" " if style.spaces else "").join(texts) for texts in paragraphs.values())


def _citation(sentence: Sentence) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "events": [str(event) for event in sentence.events],
        "paragraph": sentence.paragraph,
        "own_words": sentence.own_words,
    }


def _note_sentences(context: JobContext, held: Grounded) -> None:
    context.metric("sentences_kept", held.written)
    context.metric("sentences_own_words", len(held.kept) - held.written)
    context.metric("sentences_dropped", sum(held.dropped.values()))
    context.metric("dropped_for", held.dropped)


def _date_of(context: JobContext) -> date:
    try:
        return date.fromisoformat(str(context.params.get("diary_date")))
    except ValueError:
        raise JobFailed("no_date", "The job has no valid diary_date.") from None
