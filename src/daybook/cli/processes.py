"""`daybook run`, `serve`, `worker` and `ship`: processes that run until they are stopped."""

from typing import TYPE_CHECKING

import typer

from daybook.cli.work import read_settings
from daybook.kit.errors import Unavailable

if TYPE_CHECKING:
    from daybook.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(run)
    app.command("serve")(serve)
    app.command("worker")(worker)
    app.command("ship")(ship)


def run() -> None:
    """Run all of Daybook on this machine."""
    from daybook import launcher  # noqa: PLC0415  (here and below: see the package's docstring)

    raise typer.Exit(launcher.run(read_settings()))


def serve() -> None:
    """Serve pages, API and gateway, on the database in DATABASE_URL."""
    from daybook.web.serve import serve as serve_site  # noqa: PLC0415

    serve_site(_with_database())


def worker() -> None:
    """Run background jobs, on the database in DATABASE_URL."""
    from daybook.worker import run as run_worker  # noqa: PLC0415

    run_worker(_with_database())


def ship() -> None:
    """Move recorded calls of this machine into the ledger.

    The ledger is in the database in DATABASE_URL.
    """
    from daybook.shipping import run as run_shipper  # noqa: PLC0415

    run_shipper(_with_database())


def _with_database() -> "Settings":
    """The settings with a database: DATABASE_URL, else the one of a running `daybook run`."""
    settings = read_settings()
    if settings.database_url is not None:
        return settings
    from daybook.db.embedded import running_server  # noqa: PLC0415

    server = running_server(settings.data)
    if server is None:
        raise Unavailable("There is no database. Set DATABASE_URL, or use `daybook run`, which starts one.")
    return settings.model_copy(update={"database_url": server.dsn})
