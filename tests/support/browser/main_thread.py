"""What a page's main thread did, task by task. A task's length is the processor time that it took: on the clock, any
task is long on a busy machine, however little it does.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Page

LONG = 50.0
"""Milliseconds: what the Long Tasks API of browsers calls long, because a person feels it."""

_CATEGORIES = ["__metadata", "devtools.timeline", "disabled-by-default-devtools.timeline"]


@dataclass(frozen=True, slots=True)
class Task:
    """One turn of the thread."""

    processor: float
    """Milliseconds of the thread's processor time."""
    clock: float
    parts: tuple[str, ...]
    """What took at least a quarter of it, from outside in."""


@dataclass(slots=True)
class MainThread:
    """What `watched` fills when it ends."""

    tasks: list[Task] = field(default_factory=list[Task])

    @property
    def long(self) -> list[Task]:
        """Those that keep the page from answering: there should be none."""
        return [task for task in self.tasks if task.processor > LONG]

    @property
    def longest(self) -> Task:
        """The one with the most work."""
        return max(self.tasks, key=lambda task: task.processor)


@asynccontextmanager
async def watched(browser: Browser, page: Page) -> AsyncIterator[MainThread]:
    """Watch the main thread of `page` during the block."""
    seen = MainThread()
    await browser.start_tracing(page=page, categories=_CATEGORIES)
    try:
        yield seen
    finally:
        trace = await browser.stop_tracing()
    seen.tasks += _tasks(json.loads(trace)["traceEvents"])
    assert seen.tasks, "the trace names no task of the page's main thread"


def _tasks(events: list[dict[str, Any]]) -> list[Task]:
    [begun] = [event for event in events if event["name"] == "TracingStartedInBrowser"]
    processes = {frame["processId"] for frame in begun["args"]["data"]["frames"]}
    threads = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name"
        and event["args"]["name"] == "CrRendererMain"
        and event["pid"] in processes
    }
    spans = sorted(
        (event for event in events if event["ph"] == "X" and (event["pid"], event["tid"]) in threads),
        key=lambda event: (event["ts"], -event["dur"]),
    )
    tasks: list[tuple[dict[str, Any], list[str]]] = []
    for span in spans:
        if span["name"] == "RunTask":
            tasks.append((span, []))
        elif tasks and span["ts"] < tasks[-1][0]["ts"] + tasks[-1][0]["dur"]:
            task, parts = tasks[-1]
            if span.get("tdur", 0) * 4 >= task["tdur"]:
                parts.append(span["name"])
    return [Task(task["tdur"] / 1000, task["dur"] / 1000, tuple(parts)) for task, parts in tasks]
