"""Writing of a page by a capable model: in one call, or, for a long day, from chunks that are summarized first."""

from collections.abc import Awaitable, Callable, Sequence

from daybook.jobs import JobFailed
from daybook.lifelog.diary import prompts
from daybook.lifelog.diary.answer_parsing import MalformedAnswer, read_answer
from daybook.lifelog.diary.grounding import Grounded, ground
from daybook.lifelog.diary.model_client import DiaryModelClient
from daybook.lifelog.diary.notes import Note, note_of_summary
from daybook.lifelog.diary.prompts import Messages
from llm_tracker.counting import count_tokens

Progress = Callable[[float, str], Awaitable[None]]

_SHARE_OF_NOTES = 0.5
"""Share of the context; the rest is for instructions and answer."""
_NOTES_PER_SENTENCE = 4
_FEWEST_SENTENCES = 4
_MOST_ROUNDS = 4


async def write(
    client: DiaryModelClient, notes: Sequence[Note], *, context: int, progress: Progress
) -> Grounded:
    """Return the page's sentences. `context` is the model's, in tokens; `progress` gets 0 to 1.

    Raises `JobFailed` for a model whose answers cannot be used, and what `InternalClient.call` does.
    """
    notes = await _shortened(client, list(notes), int(context * _SHARE_OF_NOTES), progress)
    await progress(0.7, "writing")
    return await _ask(client, "page", prompts.page(notes, client.style, client.day), notes, fall_back=True)


async def _shortened(
    client: DiaryModelClient, notes: list[Note], most: int, progress: Progress
) -> list[Note]:
    """Return `notes` in at most `most` tokens: unchanged, or summarized part by part until they fit."""
    for number in range(_MOST_ROUNDS):
        chunks = _chunks(notes, most)
        if len(chunks) == 1:
            return notes
        notes = []
        for at, chunk in enumerate(chunks):
            await progress(0.1 + 0.6 * at / len(chunks), f"summing up, part {at + 1} of {len(chunks)}")
            sentences = max(len(chunk) // _NOTES_PER_SENTENCE, _FEWEST_SENTENCES)
            question = prompts.summary(chunk, client.style, sentences)
            held = await _ask(client, f"part-{number + 1}-{at + 1}", question, chunk, fall_back=False)
            notes.extend(map(note_of_summary, held.kept))
    raise JobFailed(
        "day_too_long",
        f"The day is too long for {client.model.name}: after {_MOST_ROUNDS} summaries it still does not fit. Choose a "
        "model with a longer context, or merge some of the day's events.",
        {"model": client.model.name},
    )


def _chunks(notes: Sequence[Note], most: int) -> list[list[Note]]:
    """Split `notes` into runs of at most `most` tokens. A longer note is a run of its own."""
    chunks: list[list[Note]] = [[]]
    left = most
    for note in notes:
        tokens = count_tokens(note.prompt_text) + 4
        if tokens > left and chunks[-1]:
            chunks.append([])
            left = most
        chunks[-1].append(note)
        left -= tokens
    return chunks


async def _ask(
    client: DiaryModelClient, step: str, question: Messages, notes: Sequence[Note], *, fall_back: bool
) -> Grounded:
    """Return the supported sentences of the answer; if there are none, ask once more."""
    answer = await client.ask(step, question)
    held, problem = _judged(client, answer, notes, fall_back=fall_back)
    if held is None:
        answer = await client.ask(f"{step}/again", prompts.again(question, answer, problem))
        held, problem = _judged(client, answer, notes, fall_back=fall_back)
    if held is None:
        raise JobFailed(
            "unusable_answer",
            f"{client.model.name} gave two answers that no page can be made from. {problem} Try "
            "again, or choose another model.",
            {"model": client.model.name},
        )
    return held


def _judged(
    client: DiaryModelClient, answer: str, notes: Sequence[Note], *, fall_back: bool
) -> tuple[Grounded | None, str]:
    """Return the supported sentences of an answer, or None and the reason."""
    try:
        said = read_answer(answer)
    except MalformedAnswer as problem:
        return None, str(problem)
    held = ground(said, notes, client.style, fall_back=fall_back)
    if held.written == 0:
        return None, "None of its sentences says what the notes that it cites say."
    return held, ""
