"""`daybook run`: start the processes in order, restart those that die, stop them in order."""

import contextlib
import importlib.metadata
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from daybook.db.embedded import DataLock, EmbeddedServer
from daybook.db.embedded.bound_exec import die_with_parent
from daybook.db.embedded.logfile import LogFile
from daybook.kit.errors import DaybookError, Unavailable
from daybook.launcher import demo_model
from daybook.launcher.address import answers, check_free, free_port, url_of
from daybook.launcher.child import Backoff, Child, how_it_ended
from daybook.launcher.credentials import with_url
from daybook.launcher.startup_message import startup_message
from daybook.launcher.startup_summary import StartupSummary
from daybook.launcher.stopping import StopRequested, StopSignals
from daybook.settings import Settings

_READY_WITHIN = 60.0  # seconds for the server to answer
_PREPARE_WITHIN = 3600.0  # seconds; a migration may rewrite a large table
_SERVER_GRACE = (
    25.0  # seconds; longer than the server waits for calls in progress, whose records it writes last
)
_HOUSEKEEPING = 30.0  # seconds between checks of the logs' sizes
_REPEATED = 3  # deaths in a row after which more of the log is shown
_HOPELESS = 4  # deaths in a row after which an expendable child is not restarted
_STOPPING = {
    "server": "to finish the responses in progress; Ctrl-C again cuts them off",
    "worker": "to finish its work; Ctrl-C again stops it",
    "shipper": "to write the last calls to the ledger; Ctrl-C again leaves them for the next start",
}


def run(settings: Settings) -> int:
    """Run Daybook on this machine until a signal stops it. Returns the exit status."""
    _stop_with_make()
    with StopSignals() as signals:
        launch = Launch(settings, signals)
        status = 0
        try:
            launch.start()
            launch.watch()
        except StopRequested:
            pass
        except DaybookError as error:
            say(f"Daybook cannot start. {error}", to=sys.stderr.fileno())
            status = 1
        finally:
            signals.settle()
            launch.stop()
    return status


class Launch:
    """The process tree of one run."""

    def __init__(self, settings: Settings, signals: StopSignals) -> None:
        self.settings = settings
        self.signals = signals
        self.data = settings.data.expanduser().absolute()
        self.url = url_of(settings.host, settings.port)
        self.children: list[Child] = []
        """In the order in which they were started."""
        self.database: EmbeddedServer | None = None
        self._env: dict[str, str] = {}
        self._summary = StartupSummary()
        self._database_backoff = Backoff()
        self._lock: DataLock | None = None
        self._due: dict[Child | EmbeddedServer, float] = {}
        """Dead processes, and when they are restarted."""

    def start(self) -> None:
        """Start everything. Raises `DaybookError` with a message for the user."""
        began = time.monotonic()
        say(f"Daybook {importlib.metadata.version('daybook')}, data in {self.data}")
        self._lock = DataLock.acquire(self.data, "run", url=self.url)
        check_free(self.settings.host, self.settings.port)
        self._env = self._environment()
        label = self._start_model()
        self._env["DAYBOOK_DATABASE_URL"] = self._start_database()
        self._prepare()
        server = self._child("server", ["-m", "daybook", "serve"], grace=_SERVER_GRACE)
        self._wait_for_server(server)
        self._child("worker", ["-m", "daybook", "worker"], grace=10)
        self._child("shipper", ["-m", "daybook", "ship"], grace=10)
        for child in list(self.children):
            self._look_after(child)  # an immediate death is reported before the startup message
        credentials = with_url(self.data, self.url)
        path = str(self.data / "credentials.json")
        say(startup_message(self.url, credentials, self._summary, path=path, demo=label))
        say(f"\nUp in {time.monotonic() - began:.1f} s. Ctrl-C stops everything.")

    def watch(self) -> None:
        """Restart dead processes until a signal stops us."""
        self.signals.settle()
        look_at_logs = time.monotonic() + _HOUSEKEEPING
        while not self.signals.requested:
            for child in list(self.children):
                self._look_after(child)
            self._look_after_database()
            now = time.monotonic()
            if now >= look_at_logs:
                look_at_logs = now + _HOUSEKEEPING
                for child in self.children:
                    child.log.rotate()
                if self.database is not None:
                    self.database.rotate_log()
            self.signals.wait(max(0.01, min([look_at_logs, *self._due.values()]) - now))

    def stop(self) -> None:
        """Stop server, worker, shipper (which ships the server's last calls), model, and last the database."""
        if self.children or self.database is not None:
            say("\nStopping (Ctrl-C again to hurry)")
        order = {"server": 0, "worker": 1, "shipper": 2}
        for child in sorted(self.children, key=lambda child: order.get(child.name, 3)):
            child.stop(self.signals.hurry, lambda child=child: _say_waiting(child))
            say(f"  {child.name} stopped")
        self.children.clear()
        if self.database is not None:
            self.database.stop(timeout=2 if self.signals.hurry() else 10)
            say("  database stopped")
        if self._lock is not None:
            self._lock.release()

    def _environment(self) -> dict[str, str]:
        """The children's environment: ours with absolute paths and decided settings."""
        settings = self.settings
        given = {"DAYBOOK_DATA": self.data, "DAYBOOK_HOST": settings.host, "DAYBOOK_PORT": settings.port}
        return {**os.environ, "PYTHONUNBUFFERED": "1", **{name: str(value) for name, value in given.items()}}

    def _start_model(self) -> str:
        """Start the demo model without waiting for it. Returns its label."""
        self._env.pop("DAYBOOK_DEMO_URL", None)
        if self.settings.model_url is not None:
            return ""
        reason = demo_model.why_not(self.settings.demo_model)
        model = demo_model.find_model(self.settings.demo_model)
        if reason is not None or model is None:
            say(f"  demo model: none, because {reason}")
            return ""
        port = free_port()
        self._env["DAYBOOK_DEMO_URL"] = f"http://127.0.0.1:{port}"
        command = ["-m", "daybook.launcher.demo_model", "--port", str(port), "--model", str(model)]
        self._child("demo model", command, grace=1).expendable = True
        label = demo_model.LABEL if self.settings.demo_model is None else f"demo model {model.name}"
        say(f"  {label}: loading")
        return label

    def _start_database(self) -> str:
        """Start the embedded database, unless DATABASE_URL names another. Returns its URL."""
        if self.settings.database_url is not None:
            say("  database: the one in DATABASE_URL")
            return self.settings.database_url
        began = time.monotonic()
        self.database = EmbeddedServer(self.data, lock=self._lock)
        self.database.start()
        self._database_backoff.started()
        made = "created and started" if self.database.is_new else "started"
        say(f"  database: PostgreSQL {made} ({time.monotonic() - began:.1f} s)")
        return self.database.dsn

    def _prepare(self) -> None:
        """Run `prepare` (migrations, first administrator, local models) in a process of its own."""
        began = time.monotonic()
        child = self._child("prepare", ["-m", "daybook.launcher.prepare", self.url])
        deadline = began + _PREPARE_WITHIN
        while (status := child.exit_status()) is None and time.monotonic() < deadline:
            if self.signals.requested:
                raise StopRequested
            time.sleep(
                0.02
            )  # not `signals.wait`, which would consume the signal of a child that `watch` must see
        words = child.last_lines(20)
        self.children.remove(child)
        child.stop(self.signals.hurry)
        if status != 0:
            how = "took longer than an hour" if status is None else how_it_ended(status)
            raise Unavailable(f"Preparing the database {how}:\n{words}")
        self._summary = StartupSummary.from_line(words.rpartition("\n")[2])
        say(f"  database: up to date ({time.monotonic() - began:.1f} s)")

    def _wait_for_server(self, server: Child) -> None:
        began = time.monotonic()
        while not answers(self.settings.host, self.settings.port):
            status = server.exit_status()
            if status is not None:
                raise Unavailable(
                    f"The server {how_it_ended(status)}. The end of its log:\n{server.last_lines(20)}"
                )
            if time.monotonic() > began + _READY_WITHIN:
                raise Unavailable(
                    f"The server does not answer at {self.url} after {_READY_WITHIN:.0f} s. "
                    f"The end of its log ({server.log.path}):\n{server.last_lines(20)}"
                )
            self.signals.wait(0.05)
        say(f"  server: answers ({time.monotonic() - began:.1f} s)")

    def _child(self, name: str, arguments: list[str], *, grace: float = 8) -> Child:
        if self._lock is None:
            raise RuntimeError("The data folder must be locked before a child is started.")
        log = LogFile(self.data / "log" / f"{name.replace(' ', '-')}.log")
        command = [sys.executable, *arguments]
        child = Child(name, command, dict(self._env), log, self._lock.fd, grace)
        self.children.append(child)
        child.start()
        return child

    def _look_after(self, child: Child) -> None:
        if child in self._due:
            self._start_when_due(child, child.start)
        elif (status := child.exit_status()) is not None:
            pause = child.backoff.pause()
            if child.expendable and (status == -signal.SIGILL or child.backoff.deaths >= _HOPELESS):
                self._go_on_without(child, status)
                return
            self._due[child] = time.monotonic() + pause
            words = child.last_lines(5 if child.backoff.deaths < _REPEATED else 20)
            again = "" if child.backoff.deaths < _REPEATED else f" for the {child.backoff.deaths}th time"
            say(f"The {child.name} {how_it_ended(status)}{again}. Restart in {pause:g} s.")
            say(_indented(words) + f"\n  (more in {child.log.path})")

    def _go_on_without(self, child: Child, status: int) -> None:
        """Stop restarting a child that cannot run here, and remove it from the lists of models."""
        why = f"it {how_it_ended(status)} {child.backoff.deaths} times in a row"
        if status == -signal.SIGILL:
            why = "this machine's processor lacks instructions that it needs"
        say(f"The {child.name} cannot run here: {why}. Daybook continues without it until the next start.")
        words = child.last_lines(5)
        say((_indented(words) + "\n" if words else "") + f"  (more in {child.log.path})")
        say("  Add a provider with `daybook config set`, or set DAYBOOK_MODEL_URL.")
        self.children.remove(child)
        child.stop(self.signals.hurry)
        self._env.pop("DAYBOOK_DEMO_URL", None)
        try:
            self._prepare()
        except DaybookError as error:
            say(f"The {child.name} stays in the list of models until the next start. {error}")

    def _look_after_database(self) -> None:
        database = self.database
        if database is None:
            return
        if database in self._due:
            self._start_when_due(database, self._restart_database)
        elif not database.is_alive():
            pause = self._database_backoff.pause()
            self._due[database] = time.monotonic() + pause
            say(f"The database ended. Restart in {pause:g} s. Its log: {database.log_path}")

    def _restart_database(self) -> None:
        if self.database is None:
            return
        try:
            self.database.start()
        except DaybookError as error:
            say(f"The database does not start: {error}")
        else:
            self._database_backoff.started()
            say("The database is up again.")

    def _start_when_due(self, what: Child | EmbeddedServer, start: Callable[[], object]) -> None:
        if time.monotonic() >= self._due[what]:
            del self._due[what]
            start()


def say(text: str, to: int | None = None) -> None:
    """Print to the terminal. A closed terminal must not prevent an orderly stop."""
    with contextlib.suppress(OSError, ValueError):
        data = (text + "\n").encode(errors="replace")
        os.write(sys.stdout.fileno() if to is None else to, data)


def _say_waiting(child: Child) -> None:
    what = _STOPPING.get(child.name, "to end; Ctrl-C again ends it at once")
    say(f"  waiting up to {child.grace:.0f} s for the {child.name} {what}")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _stop_with_make() -> None:
    """Stop if `make`, having started us, is killed."""
    parent = os.getppid()
    with contextlib.suppress(OSError):
        if Path(f"/proc/{parent}/comm").read_text().strip() in {"make", "gmake"}:
            die_with_parent(parent, signal.SIGTERM)
