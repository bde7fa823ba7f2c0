"""Streams whose last event holds the answer: speech, transcriptions and pictures."""

from typing import Any

from daybook.gateway.transcript.json_access import as_text, grow, join_pieces


def assemble_final_event(chunks: list[dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """Return the last event, or the text so far, and whether the last event was seen."""
    answer: dict[str, Any] = {}
    text: dict[str, Any] = {}
    finished = False
    for event in chunks:
        kind = as_text(event.get("type"))
        if kind.endswith((".done", ".completed")) and kind != "transcript.text.segment.done":
            answer.update(event)
            finished = True
        elif kind == "transcript.text.delta":
            grow(text, "text", as_text(event.get("delta")))
        elif event.get("error"):
            answer["error"] = event["error"]
    return {**join_pieces(text), **answer}, finished
