"""The course of `daybook run`: what is started in which order, watched, and stopped in reverse."""

import contextlib
import importlib.metadata
import json
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
from daybook.launcher.credentials import Credentials, with_url
from daybook.launcher.greeting import greeting
from daybook.launcher.stopping import StopRequested, StopSignals
from daybook.settings import Settings

_READY_WITHIN = 60.0  # seconds for the server to answer
_PREPARE_WITHIN = 3600.0  # a migration may have to rewrite a large table
_SERVER_GRACE = 25.0  # seconds: longer than the server waits for calls under way, whose lines it writes last
_HOUSEKEEPING = 30.0  # seconds between looks at the logs' sizes
_REPEATED = 3  # deaths in a row after which it is worth more words


def run(settings: Settings) -> int:
    """Run Daybook on this machine until it is asked to stop; the exit status for the shell."""
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
    """One life of the process tree."""

    def __init__(self, settings: Settings, signals: StopSignals) -> None:
        self.settings = settings
        self.signals = signals
        self.data = settings.data.expanduser().absolute()
        self.url = url_of(settings.host, settings.port)
        self.children: list[Child] = []
        """In the order in which they are stopped."""
        self.database: EmbeddedServer | None = None
        self._database_backoff = Backoff()
        self._lock: DataLock | None = None
        self._due: dict[Child | EmbeddedServer, float] = {}
        """What has died, and when it is started again."""

    def start(self) -> None:
        """Start everything. Raises `DaybookError` with words for the person."""
        began = time.monotonic()
        say(f"Daybook {importlib.metadata.version('daybook')}, data in {self.data}")
        self._lock = DataLock.acquire(self.data, "run")
        check_free(self.settings.host, self.settings.port)
        env = self._environment()
        model_note = self._start_model(env)
        env["DAYBOOK_DATABASE_URL"] = self._start_database()
        self._prepare(env)
        server = self._child("server", ["-m", "daybook", "serve"], env, grace=_SERVER_GRACE)
        self._wait_for_server(server)
        self._child("worker", ["-m", "daybook", "worker"], env, grace=10)
        credentials = with_url(self.data, self.url)
        model = self._first_model(credentials)
        path = str(self.data / "credentials.json")
        say(greeting(self.url, credentials, model, path=path, note=model_note))
        say(f"\nUp in {time.monotonic() - began:.1f} s. Ctrl-C stops everything.")

    def watch(self) -> None:
        """Start again what dies, until we are asked to stop."""
        self.signals.settle()
        look_at_logs = time.monotonic() + _HOUSEKEEPING
        while not self.signals.requested:
            for child in self.children:
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
        """Stop what was started: server, worker, model, and the database last."""
        if self.children or self.database is not None:
            say("\nStopping (Ctrl-C again to hurry)")
        order = {"server": 0, "worker": 1}
        for child in sorted(self.children, key=lambda child: order.get(child.name, 2)):
            child.stop(self.signals.hurry)
            say(f"  {child.name} stopped")
        self.children.clear()
        if self.database is not None:
            self.database.stop(timeout=2 if self.signals.hurry() else 10)
            say("  database stopped")
        if self._lock is not None:
            self._lock.release()

    def _environment(self) -> dict[str, str]:
        """What the children are told. Settings go through as they came; what we decide is added."""
        settings = self.settings
        given = {"DAYBOOK_DATA": self.data, "DAYBOOK_HOST": settings.host, "DAYBOOK_PORT": settings.port}
        return {**os.environ, "PYTHONUNBUFFERED": "1", **{name: str(value) for name, value in given.items()}}

    def _start_model(self, env: dict[str, str]) -> str:
        """Start the demo model; nobody waits for it. What to say about the model to try."""
        env.pop("DAYBOOK_DEMO_URL", None)
        if self.settings.model_url is not None:
            return "from DAYBOOK_MODEL_URL"
        reason = demo_model.why_not(self.settings.demo_model)
        model = demo_model.find_model(self.settings.demo_model)
        if reason is not None or model is None:
            say(f"  demo model: none, because {reason}")
            return "add a provider with `daybook config set`, or set DAYBOOK_MODEL_URL"
        port = free_port()
        env["DAYBOOK_DEMO_URL"] = f"http://127.0.0.1:{port}"
        command = ["-m", "daybook.launcher.demo_model", "--port", str(port), "--model", str(model)]
        self._child("demo model", command, env, grace=1)
        label = demo_model.LABEL if self.settings.demo_model is None else f"demo model {model.name}"
        say(f"  {label}: loading")
        return label

    def _start_database(self) -> str:
        """Start the embedded database, unless another is named; its address."""
        if self.settings.database_url is not None:
            say("  database: the one in DATABASE_URL")
            return self.settings.database_url
        began = time.monotonic()
        self.database = EmbeddedServer(self.data, lock=self._lock)
        self.database.start()
        self._database_backoff.started()
        made = "made and started" if self.database.is_new else "started"
        say(f"  database: PostgreSQL {made} ({time.monotonic() - began:.1f} s)")
        return self.database.dsn

    def _prepare(self, env: dict[str, str]) -> None:
        """Migrations and the first administrator, in a process that brings its imports and ends."""
        began = time.monotonic()
        child = self._child("prepare", ["-m", "daybook.launcher.prepare", self.url], env)
        deadline = began + _PREPARE_WITHIN
        while (status := child.exit_status()) is None and time.monotonic() < deadline:
            self.signals.wait(1)
        words = child.last_lines(20)
        self.children.remove(child)
        child.stop(self.signals.hurry)
        if status != 0:
            how = "took longer than an hour" if status is None else how_it_ended(status)
            raise Unavailable(f"Preparing the database {how}:\n{words}")
        say(f"  database: up to date ({time.monotonic() - began:.1f} s)")

    def _wait_for_server(self, server: Child) -> None:
        began = time.monotonic()
        while answers(self.settings.host, self.settings.port) is None:
            status = server.exit_status()
            if status is not None:
                raise Unavailable(
                    f"The server {how_it_ended(status)}. Its last words:\n{server.last_lines(20)}"
                )
            if time.monotonic() > began + _READY_WITHIN:
                raise Unavailable(
                    f"The server does not answer at {self.url} after {_READY_WITHIN:.0f} s. "
                    f"Its last words ({server.log.path}):\n{server.last_lines(20)}"
                )
            self.signals.wait(0.05)
        say(f"  server: answers ({time.monotonic() - began:.1f} s)")

    def _first_model(self, credentials: Credentials | None) -> str | None:
        """The model that leads the list, for the examples."""
        if credentials is None:
            return None
        headers = {"Authorization": f"Bearer {credentials.activation_code}"}
        body = answers(self.settings.host, self.settings.port, "/v1/models", headers)
        with contextlib.suppress(ValueError, KeyError, IndexError, TypeError):
            return str(json.loads(body or b"{}")["data"][0]["id"])
        return None

    def _child(self, name: str, arguments: list[str], env: dict[str, str], *, grace: float = 8) -> Child:
        if self._lock is None:
            raise RuntimeError("The data folder must be locked before a child is started.")
        log = LogFile(self.data / "log" / f"{name.replace(' ', '-')}.log")
        command = [sys.executable, *arguments]
        child = Child(name, command, dict(env), log, self._lock.fd, grace)
        self.children.append(child)
        child.start()
        return child

    def _look_after(self, child: Child) -> None:
        if child in self._due:
            self._start_when_due(child, child.start)
        elif (status := child.exit_status()) is not None:
            pause = child.backoff.pause()
            self._due[child] = time.monotonic() + pause
            words = child.last_lines(5 if child.backoff.deaths < _REPEATED else 20)
            again = "" if child.backoff.deaths < _REPEATED else f" for the {child.backoff.deaths}th time"
            say(f"The {child.name} {how_it_ended(status)}{again}; it is started again in {pause:g} s.")
            say(_indented(words) + f"\n  (more in {child.log.path})")

    def _look_after_database(self) -> None:
        database = self.database
        if database is None:
            return
        if database in self._due:
            self._start_when_due(database, self._restart_database)
        elif not database.is_alive():
            pause = self._database_backoff.pause()
            self._due[database] = time.monotonic() + pause
            say(f"The database ended; it is started again in {pause:g} s. Its log: {database.log_path}")

    def _restart_database(self) -> None:
        if self.database is None:
            return
        try:
            self.database.start()
        except DaybookError as error:
            say(f"The database does not come up: {error}")
        else:
            self._database_backoff.started()
            say("The database is up again.")

    def _start_when_due(self, what: Child | EmbeddedServer, start: Callable[[], object]) -> None:
        if time.monotonic() >= self._due[what]:
            del self._due[what]
            start()


def say(text: str, to: int | None = None) -> None:
    """Print for the person who started us. That nobody reads it must not keep us from stopping in order."""
    with contextlib.suppress(OSError, ValueError):
        data = (text + "\n").encode(errors="replace")
        os.write(sys.stdout.fileno() if to is None else to, data)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _stop_with_make() -> None:
    """Where `make run` started us, a killed `make` must not leave us behind."""
    parent = os.getppid()
    with contextlib.suppress(OSError):
        if Path(f"/proc/{parent}/comm").read_text().strip() in {"make", "gmake"}:
            die_with_parent(parent, signal.SIGTERM)
