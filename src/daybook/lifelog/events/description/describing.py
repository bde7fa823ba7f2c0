"""Description of events: a few frames of each segment go to a vision model, several segments per call.

Every call is a step of its job. A resumed job finds its plan, asks only unanswered calls, and writes only into events
that were not described or changed meanwhile.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from daybook.accounts.models import User
from daybook.db.engine import WriteSession
from daybook.gateway.internal import Model
from daybook.jobs import JobContext
from daybook.kit import failpoints
from daybook.kit.errors import DaybookError
from daybook.lifelog.context import WorkerServices
from daybook.lifelog.days import zone_named
from daybook.lifelog.events.description import batching, prompt, targets
from daybook.lifelog.events.description.model_client import VisionModelClient
from daybook.lifelog.events.description.prompt import PromptSegment
from daybook.lifelog.events.description.targets import Selection, Target
from daybook.lifelog.events.local_file import LocalFile
from daybook.lifelog.media import service as media
from daybook.lifelog.recordings import service as recordings
from daybook.lifelog.recordings.service import Placement


@dataclass(frozen=True, slots=True)
class Work:
    """Input of one description job."""

    context: JobContext
    services: WorkerServices
    file: LocalFile
    user: User
    selection: Selection
    begins_at: float = 0.0
    """The job's progress when describing begins."""

    @property
    def language(self) -> str | None:
        """The user's language."""
        return (self.user.settings or {}).get("language")


async def describe(work: Work, model: Model) -> None:
    """Describe the selection. Raises what `InternalClient.call` raises, with the outcome so far in the message."""
    context = work.context
    await context.progress(work.begins_at, "describing")
    batches = await context.write_step("plan", lambda session: _plan(session, work))
    client = VisionModelClient(
        work.services.internal_client,
        model.name,
        user_id=work.user.id,
        job_id=context.job_id,
        trace_id=context.trace_id,
        language=work.language,
    )
    total = left = sum(len(batch["events"]) for batch in batches)
    described = frames = 0
    try:
        for number, batch in enumerate(batches):
            result = await context.step(
                f"describe:{number}",
                lambda number=number, batch=batch: _describe_batch(work, client, number, batch),
            )
            described += result["described"]
            frames += result["frames"]
            left -= len(batch["events"]) - result["left"]
            context.metric("described", described)
            context.metric("frames", frames)
            await context.progress(work.begins_at + (1 - work.begins_at) * (number + 1) / len(batches))
    except DaybookError as problem:
        problem.message = _with_outcome(problem.message, left, total)
        raise
    finally:
        context.metric("not_described", left)
        context.metric("model", model.name)


async def _plan(session: WriteSession, work: Work) -> list[dict[str, Any]]:
    """Return the batches, as stored by a job's step."""
    files = await targets.targets_of(session, work.user, work.selection)
    most = work.services.settings.vision_frames
    return [
        {"file": str(file[0].file_id), "events": [str(segment.event_id) for segment in batch]}
        for file in files
        for batch in batching.batches([(segment, segment.seconds) for segment in file], most)
    ]


async def _describe_batch(
    work: Work, client: VisionModelClient, number: int, batch: dict[str, Any]
) -> dict[str, int]:
    """Describe a batch. In the result, `left` counts events that were not described, changed or deleted."""
    context, again = work.context, work.selection.again
    file_id, ids = UUID(batch["file"]), [UUID(one) for one in batch["events"]]
    async with context.write() as session:
        place = await recordings.placement_of(session, file_id)
        segments = await targets.still_open(session, work.user, ids, again=again)
    if place is None or not segments:
        return {"described": 0, "frames": 0, "left": 0}
    # Its number is its place in the plan: an answer that was stored by an attempt before goes by the same numbers.
    numbered = sorted((ids.index(segment.event_id) + 1, segment) for segment in segments)
    shown = await _shown(work, place, numbered)
    failpoints.point("events.describe.ask.before")
    said = await client.describe(f"ask:{number}", shown, len(ids), place.recording_id)
    failpoints.point("events.describe.write.before")
    async with context.write() as session:
        answered = {ids[one - 1]: what for one, what in said.items()}
        described = await targets.write_descriptions(session, work.user, file_id, answered, again=again)
        unanswered = [one for one in ids if one not in answered]
        left = await targets.still_open(session, work.user, unanswered, again=again)
    frames = sum(len(segment.frames) for segment in shown)
    return {"described": described, "frames": frames, "left": len(left)}


async def _shown(work: Work, place: Placement, numbered: list[tuple[int, Target]]) -> list[PromptSegment]:
    """Return the segments with their frames, which are read from the video in one go."""
    most = work.services.settings.vision_frames
    times = [batching.times_of(segment.seconds, most) for _, segment in numbered]
    path = await work.file.path(place.s3_key)
    at = [segment.start + second for (_, segment), own in zip(numbered, times, strict=True) for second in own]
    pictures = iter(await media.frames(path, at, longest=prompt.LONGEST_SIDE))
    zone = zone_named(work.user.timezone)
    return [
        PromptSegment(
            number=number,
            begins=(place.start_time + timedelta(seconds=place.starts_at + segment.start)).astimezone(zone),
            seconds=segment.seconds,
            at=own,
            frames=[next(pictures) for _ in own],
        )
        for (number, segment), own in zip(numbered, times, strict=True)
    ]


def _with_outcome(message: str, left: int, total: int) -> str:
    """Append the number of undescribed events to an error message."""
    events = f"{left} of {total} events are" if left != 1 else f"1 of {total} events is"
    return f"{message} {events} not described; they are there, with their times and what was measured."
