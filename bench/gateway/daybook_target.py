"""Daybook as a user runs it: `daybook run` with its embedded PostgreSQL, in a data folder of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import exchange
import psycopg
from exchange import Mode
from processes import BenchError, Process
from target import Recorded, Target

from daybook.db.embedded import running_server
from daybook.db.embedded.cluster import remove_cluster

COUNTS = """
    SELECT count(*), count(*) FILTER (WHERE success AND NOT is_estimated AND total_tokens = %s),
           (SELECT count(*) FROM llm_call_logs)
    FROM llm_tracker_usage
"""


class Daybook(Target):
    """What is measured. Its PostgreSQL is on the same core, as on a small machine."""

    name = "Daybook"
    note = "`daybook run`, PostgreSQL and shipper on the same core, ledger line and whole exchange recorded"
    journal_sync = "process"

    def __init__(self, folder: Path, core: int, upstream_port: int) -> None:
        super().__init__(folder, core, upstream_port)
        self.data = folder / "data"
        self._database: psycopg.Connection[tuple[int, int, int]] | None = None

    def start(self) -> None:
        """Start it with the upstream as its only provider, the demo model left out."""
        program = [str(Path(sys.executable).with_name("daybook")), "run"]
        self.process = Process(
            program, core=self.core, log=self.folder / "daybook.log", environment=self._environment()
        )
        self.wait_until(lambda: (self.data / "credentials.json").is_file() and self.answers("/"), 120)
        self.key = json.loads((self.data / "credentials.json").read_text())["activation_code"]
        for mode in exchange.MODES:
            self._add_provider(mode)
        server = running_server(self.data)
        if server is None:
            raise BenchError(f"No PostgreSQL runs in {self.data}. The log ends:\n{self.running.log_tail()}")
        self._database = psycopg.connect(server.url(), autocommit=True)
        self._wait_for_providers()

    def stop(self) -> None:
        """End it, the database last, and remove its database, which may be outside its folder."""
        if self._database is not None:
            self._database.close()
        super().stop()
        remove_cluster(self.data)

    def recorded(self) -> Recorded:
        """Count in the database itself."""
        if self._database is None:
            raise BenchError("Daybook's database has not been opened.")
        row = self._database.execute(COUNTS, [exchange.USAGE["total_tokens"]]).fetchone()
        if row is None:
            raise BenchError("PostgreSQL gave no counts.")
        return Recorded(*row)

    def final_problems(self) -> list[str]:
        """Whether the command line tells the same as the table, the whole run long."""
        recorded = self.recorded()
        told = json.loads(self._command("usage", "--json"))
        if told["total_calls"] == recorded.lines:
            return []
        return [
            f"`daybook usage --json` tells {told['total_calls']} calls, the ledger has {recorded.lines} lines"
        ]

    def _add_provider(self, mode: Mode) -> None:
        words = ["config", "set", exchange.model(mode), "--provider", "openai_compatible"]
        words += ["--base-url", f"{self.upstream}/{mode}/v1", "--models", exchange.model(mode)]
        self._command(*words, "--key", "sk-upstream")

    def _wait_for_providers(self) -> None:
        """Return when the gateway has taken up the configurations; they are felt within seconds."""
        deadline = time.monotonic() + 10
        while True:
            try:
                for mode in exchange.MODES:
                    self.check(mode)
            except BenchError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.25)
            else:
                return

    def _command(self, *words: str) -> str:
        """What a `daybook` command prints."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("daybook")), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=self._environment(),
            cwd=self.folder,
        )
        if done.returncode != 0:
            raise BenchError(f"daybook {words[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DAYBOOK_", "LLM_")) and name != "DATABASE_URL"
        }
        ours = {
            "DATA": self.data,
            "PORT": self.port,
            "DEMO_MODEL": self.folder / "none",
            "LOG_LEVEL": "warning",
            "JOURNAL_SYNC": self.journal_sync,
        }
        return inherited | {f"DAYBOOK_{name}": str(value) for name, value in ours.items()}


class DaybookBefore(Daybook):
    """The Daybook of another checkout, on the same libraries and settings."""

    name = "Daybook, before"
    note = "the Daybook of the checkout that --before names, on the same libraries"
    checkout: Path

    def _environment(self) -> dict[str, str]:
        sources = [self.checkout / "src", self.checkout / "packages/llm-tracker/src"]
        return super()._environment() | {"PYTHONPATH": os.pathsep.join(map(str, sources))}


class DaybookOnDisk(Daybook):
    """The same, with every record on disk before an answer ends."""

    name = "Daybook, disk"
    note = "the same with DAYBOOK_JOURNAL_SYNC=disk: every record is synced before its answer ends"
    journal_sync = "disk"


class DaybookInMemory(Daybook):
    """The same without a journal: what is not in PostgreSQL yet is lost with the process."""

    name = "Daybook, no journal"
    note = "the same without a journal: the serve process keeps calls in memory and writes them to PostgreSQL itself"

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {"PYTHONPATH": str(Path(__file__).with_name("without_journal"))}
