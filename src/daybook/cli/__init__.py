"""The command line, one file per subject. Commands import what they need when they run, so that `daybook --help` is
fast.
"""

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from daybook.cli import (
    budgets,
    calls,
    codes,
    configs,
    diary,
    events,
    groups,
    imports,
    jobs,
    ledger,
    outbox,
    prices,
    processes,
    usage,
    users,
)
from daybook.kit.errors import DaybookError

app = typer.Typer(
    name="daybook",
    help="A self-hosted lifelog and diary, with a gateway to language models and a ledger of their calls.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415  (see the package's docstring)

        print(f"daybook {version('daybook')}")
        raise typer.Exit


@app.callback()
def begin(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Options before a command."""


processes.register(app)
usage.register(app)
imports.register(app)
app.add_typer(calls.app, name="calls")
app.add_typer(configs.app, name="config")
app.add_typer(prices.app, name="price")
app.add_typer(budgets.app, name="budget")
app.add_typer(groups.app, name="group")
app.add_typer(codes.app, name="code")
app.add_typer(users.app, name="user")
app.add_typer(events.app, name="events")
app.add_typer(diary.app, name="diary")
app.add_typer(jobs.app, name="jobs")
app.add_typer(outbox.app, name="outbox")
app.add_typer(ledger.app, name="ledger")


def main() -> None:
    """Run the command. An error is one sentence on stderr and exit code 1; wrong usage is 2."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a terminal may lack letters
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except DaybookError as error:
        print(f"daybook: {error.message}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _close_output()  # the reader has closed the pipe
        sys.exit(1)
    except OSError as error:
        _close_output()
        place = "" if error.filename is None else f"{error.filename}: "
        print(f"daybook: {place}{error.strerror or error}.", file=sys.stderr)
        sys.exit(1)


def _close_output() -> None:
    """Discard output at exit, which would fail again without a message."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
