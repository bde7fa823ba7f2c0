"""`daybook calls export`: write calls to a file for other programs."""

import os
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daybook.cli.names import config_id_of, group_id_of, user_id_of
from daybook.cli.options import From, To
from daybook.cli.work import checked, work
from daybook.kit.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from daybook.db.engine import Database
    from daybook.ledger.export import Wanted


class Format(StrEnum):
    """Export formats."""

    JSONL = "jsonl"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


def export(
    file_format: Annotated[Format, typer.Option("--format", help="The format of the output.")] = Format.JSONL,
    start: From = None,
    end: To = None,
    user: Annotated[str | None, typer.Option(help="Only this user's calls: account or id.")] = None,
    group: Annotated[str | None, typer.Option(help="Only of this group: name or id.")] = None,
    code: Annotated[str | None, typer.Option(help="Only of this activation code: its public id.")] = None,
    config: Annotated[str | None, typer.Option(help="Only of this configuration: name or id.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Output file; default: standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Export full calls for other programs.

    Each call includes its line in the ledger; the oldest call comes first.
    """
    if output is None and file_format is Format.PARQUET:
        raise typer.BadParameter("is required for parquet", param_hint="--output")
    names = {"activation_code": code, "model": model}

    async def job(database: "Database") -> int:
        wanted = await _wanted(database, (start, end), user, group, config, names)
        with _progress() as count:
            await _write(database, wanted, file_format, output, count, force=force)
        return count.rows

    rows = work(job)
    print(f"{rows:,} calls" + ("" if output is None else f" in {output}"), file=sys.stderr)


async def _wanted(
    database: "Database",
    dates: tuple[str | None, str | None],
    user: str | None,
    group: str | None,
    config: str | None,
    names: dict[str, Any],
) -> "Wanted":
    from daybook.ledger import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.ledger.export import Wanted  # noqa: PLC0415
    from daybook.ledger.schemas import CallFilter  # noqa: PLC0415

    async with database.read() as session:
        return Wanted(
            checked(
                CallFilter,
                config_id=None if config is None else await config_id_of(session, config),
                group_id=None if group is None else await group_id_of(session, group),
                **names,
            ),
            service.date_range(*dates, names=("--from", "--to")),
            None if user is None else await user_id_of(session, user),
        )


async def _write(
    database: "Database",
    wanted: "Wanted",
    file_format: Format,
    output: Path | None,
    count: "_Count",
    *,
    force: bool,
) -> None:
    from daybook.ledger.export import JsonLines, exported_rows, write_parquet  # noqa: PLC0415

    # Closed here, as the event loop would close it with a traceback.
    async with aclosing(_counted(exported_rows(database, wanted), count)) as rows:
        if output is None:
            lines = JsonLines(sys.stdout.buffer)
            async for batch in rows:
                with _writing("standard output"):
                    lines.write(batch)
            return
        with _new_file(output, force=force) as path:
            if file_format is Format.PARQUET:
                with _writing(str(output)):
                    await write_parquet(rows, path)
                return
            with path.open("wb") as file:
                lines = JsonLines(file)
                async for batch in rows:
                    with _writing(str(output)):
                        lines.write(batch)


class _Count:
    """The number of exported calls, shown once a second on a terminal."""

    def __init__(self) -> None:
        self.rows = 0
        self._watched = sys.stderr.isatty()
        self._told = time.monotonic()

    def add(self, rows: int) -> None:
        self.rows += rows
        if self._watched and time.monotonic() - self._told > 1:
            self._told = time.monotonic()
            print(f"\r{self.rows:,} calls", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._watched:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


@contextmanager
def _progress() -> Generator[_Count]:
    count = _Count()
    try:
        yield count
    finally:
        count.end()


async def _counted(rows: AsyncGenerator[Any], count: _Count) -> AsyncGenerator[Any]:
    try:
        async for batch in rows:
            count.add(len(batch))
            yield batch
    finally:
        await rows.aclose()


@contextmanager
def _new_file(path: Path, *, force: bool) -> Generator[Path]:
    """Write a private temporary file that replaces `path` once it is complete."""
    if path.exists() and not force:
        raise Conflict(f"{path} exists already. Choose another name, or use --force.")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _writing(str(path)):
            part.touch(mode=0o600)
        yield part
        with _writing(str(path)):
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _writing(place: str) -> Generator[None]:
    """Report a failed write as an error of the file, not of the database."""
    try:
        yield
    except BrokenPipeError:
        raise typer.Exit(1) from None
    except OSError as problem:
        raise Unavailable(f"{place} cannot be written: {problem.strerror or problem}.") from problem
