"""`daybook run` from outside: the real process tree."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path


class Run:
    """A `daybook run` under way."""

    def __init__(self, data, port, **settings):
        self.data = data
        self.url = f"http://127.0.0.1:{port}"
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "DATABASE"))
        }
        self.env = {**clean, "DAYBOOK_DATA": str(data), "DAYBOOK_PORT": str(port), **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daybook", "run"],
            env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.said = ""

    def read_until(self, text):
        for line in self.process.stdout:
            self.said += line
            if text in line:
                return self
        raise AssertionError(f"It never said {text!r}, but:\n{self.said}")

    def rest(self):
        self.said += self.process.stdout.read()
        return self.said

    def tree(self):
        """Every process below it, by what it is."""
        children = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
                command = folder.joinpath("cmdline").read_bytes().decode().split("\0")
            except (OSError, IndexError):
                continue
            if parent == self.process.pid:
                children[int(folder.name)] = command
        kinds = {
            "postgres": "-D",
            "model": "daybook.launcher.demo_model",
            "server": "serve",
            "worker": "worker",
            "shipper": "ship",
        }
        return {
            kind: pid for kind, word in kinds.items() for pid, command in children.items() if word in command
        }

    def credentials(self):
        return json.loads((self.data / "credentials.json").read_text())

    def get(self, path="/", **headers):
        with urllib.request.urlopen(
            urllib.request.Request(self.url + path, headers=headers), timeout=10
        ) as answer:
            return answer.read().decode()

    def daybook(self, *arguments):
        """What another `daybook` command prints, beside this one."""
        done = subprocess.run(
            [sys.executable, "-m", "daybook", *arguments],
            env=self.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)
        self.process.stdout.close()
