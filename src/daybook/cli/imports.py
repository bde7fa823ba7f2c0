"""`daybook import`: import videos from this machine."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.names import user_id_of
from daybook.cli.options import Json
from daybook.cli.output import cell, print_json, printable
from daybook.cli.work import read_settings, work
from daybook.kit.errors import Invalid, NotFound

if TYPE_CHECKING:
    from daybook.db.engine import Database
    from daybook.lifelog.uploads.importing import Importer, Outcome

LOOK = 2.0
"""Seconds between scans of a watched folder."""

REST = 5.0
"""Seconds without a change after which a file counts as complete."""

AGAIN = 30.0
"""Seconds until a failed file is retried."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_videos)


def import_videos(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A video, or a folder of videos.")],
    user: Annotated[str, typer.Option("--user", help="Owner of the videos: account or id.")],
    timezone: Annotated[
        str | None, typer.Option(help="Timezone of the camera (IANA name); default: the user's.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Import new files as they appear, until Ctrl-C.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import videos from this machine.

    Videos that the user already has are skipped, so a folder can be imported again. The files stay in place.
    """
    _check(path, timezone)
    report = _Report(quiet=as_json)

    async def job(database: "Database") -> None:
        importer = await _importer(database, user, timezone, report)
        report.is_begun = True
        if watch:
            await _Watch(path, importer, report).run()
        else:
            await _import(path, importer, report)

    try:
        work(job)
    finally:
        # Also after an interruption: imported files stay imported.
        if report.is_begun:
            report.finish(as_json=as_json)
    if report.has_failures:
        raise typer.Exit(1)


def _check(path: Path, timezone: str | None) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415  (here and below: see the package's docstring)

    if not path.exists():
        raise NotFound(f"{path}: there is no such file or folder.")
    try:
        ZoneInfo(timezone or "UTC")
    except (KeyError, ValueError, OSError):
        raise Invalid("--timezone must be an IANA name such as Asia/Taipei.") from None


async def _importer(database: "Database", user: str, timezone: str | None, report: "_Report") -> "Importer":
    from daybook.lifelog.context import Services  # noqa: PLC0415
    from daybook.lifelog.uploads.importing import Importer  # noqa: PLC0415
    from daybook.storage.service import open_store  # noqa: PLC0415

    settings = read_settings()
    async with database.read() as session:
        user_id = await user_id_of(session, user)
    services = Services(database=database, store=open_store(settings), settings=settings)
    return Importer(services, user_id, timezone=timezone, on_progress=report.progress)


async def _import(path: Path, importer: "Importer", report: "_Report") -> None:
    from daybook.lifelog.uploads.importing import videos_in  # noqa: PLC0415

    videos, report.passed_over = await asyncio.to_thread(videos_in, path)
    for number, video in enumerate(videos, 1):
        report.begin(video, f"{number}/{len(videos)}")
        report.add(await importer.take(video))


class _Watch:
    """Imports files once they have stopped changing."""

    def __init__(self, path: Path, importer: "Importer", report: "_Report") -> None:
        self._path = path
        self._importer = importer
        self._report = report
        self._resting: dict[Path, tuple[tuple[int, int], float]] = {}
        """Each file's size and time of change, and when that was first seen."""
        self._done: dict[Path, tuple[int, int]] = {}
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Watch until SIGINT or SIGTERM."""
        from daybook.kit.loops import set_within  # noqa: PLC0415
        from daybook.kit.process import on_stop_signal  # noqa: PLC0415

        on_stop_signal(self._stop.set)
        await self._look(asyncio.get_running_loop())
        while not await set_within(self._stop, LOOK):
            await self._look(asyncio.get_running_loop())

    async def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        from daybook.lifelog.uploads.importing import videos_in  # noqa: PLC0415

        videos, self._report.passed_over = await asyncio.to_thread(videos_in, self._path)
        for video in videos:
            if self._stop.is_set():
                return
            now, shape = loop.time(), await asyncio.to_thread(_shape, video)
            if shape is None or self._done.get(video) == shape:
                continue
            known, since = self._resting.get(video, (None, now))
            if known != shape:
                self._resting[video] = (shape, now)
            elif now - since >= REST:
                await self._take(video, shape, now)

    async def _take(self, video: Path, shape: tuple[int, int], now: float) -> None:
        from daybook.lifelog.uploads.importing import ImportStatus  # noqa: PLC0415

        self._report.begin(video, "")
        outcome = await self._importer.take(video)
        self._report.add(outcome)
        if outcome.status is ImportStatus.FAILED:
            self._resting[video] = (shape, now + AGAIN - REST)
        else:
            self._done[video] = shape
            del self._resting[video]


def _shape(path: Path) -> tuple[int, int] | None:
    """A file's size and time of change; None if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


class _Report:
    """Progress, and the outcome of each file: that of its last attempt, but "imported" stays so if it is seen again."""

    def __init__(self, *, quiet: bool) -> None:
        self.is_begun = False
        """False until the user is known."""
        self.passed_over = 0
        self._quiet = quiet
        self._outcomes: dict[Path, Outcome] = {}
        self._shows_progress = sys.stderr.isatty() and not quiet
        self._now = ""

    @property
    def has_failures(self) -> bool:
        """True if a file was not imported."""
        return any(outcome.reason is not None for outcome in self._outcomes.values())

    def begin(self, path: Path, place: str) -> None:
        """Begin a file."""
        self._now = f"{place} {cell(path.name, 50)}".strip()

    def progress(self, what: str, done: int, size: int) -> None:
        """Show the progress of the current file."""
        if self._shows_progress:
            self._rewrite(f"{self._now}: {what} {100 * done // max(size, 1)} %")

    def add(self, outcome: "Outcome") -> None:
        """Add the outcome of a file."""
        earlier = self._outcomes.get(outcome.path)
        if earlier is None or earlier.recording_id is None or earlier.recording_id != outcome.recording_id:
            self._outcomes[outcome.path] = outcome
        if self._shows_progress:
            self._rewrite("")
        if not self._quiet:
            what = outcome.reason or f"recording {outcome.recording_id}"
            print(f"{outcome.status.value:8}{printable(str(outcome.path))}: {printable(what)}", flush=True)

    def finish(self, *, as_json: bool) -> None:
        """Print the outcomes."""
        from daybook.lifelog.uploads.importing import ImportStatus  # noqa: PLC0415

        by = {
            became: [one for one in self._outcomes.values() if one.status is became]
            for became in ImportStatus
        }
        if as_json:
            lists = {became.value: [_plain(one) for one in outcomes] for became, outcomes in by.items()}
            print_json({**lists, "passed_over": self.passed_over})
            return
        words = {
            ImportStatus.TAKEN: "imported",
            ImportStatus.KNOWN: "already imported",
            ImportStatus.REFUSED: "refused",
            ImportStatus.FAILED: "failed (retry later)",
        }
        print(
            ", ".join(f"{len(outcomes):,} {words[became]}" for became, outcomes in by.items() if outcomes)
            or "No videos",
            end="",
        )
        others = "1 other file" if self.passed_over == 1 else f"{self.passed_over:,} other files"
        print(f"; {others} skipped." if self.passed_over else ".")

    @staticmethod
    def _rewrite(text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _plain(outcome: "Outcome") -> dict[str, str]:
    values: Iterable[tuple[str, object]] = (
        ("path", outcome.path),
        ("recording_id", outcome.recording_id),
        ("code", outcome.code),
        ("reason", outcome.reason),
    )
    return {name: str(value) for name, value in values if value is not None}
