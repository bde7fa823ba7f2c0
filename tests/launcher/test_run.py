"""`daybook run` as a process tree, seen from the terminal."""

import http.server
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from daybook.db.embedded.process import is_running
from support.processes.run import Run


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def made():
    """A data folder of an earlier run, so that most tests start in a second or two."""
    from daybook.db.embedded.cluster import remove_cluster

    with tempfile.TemporaryDirectory(prefix="daybook-test-") as name:
        Path(name).chmod(0o711)
        data = Path(name) / "data"
        yield data
        remove_cluster(data)


@pytest.fixture
def start(made, port):
    runs = []

    def start(data=made, port=port, **settings):
        # The demo model has tests of its own; here its two CPUs would only be in the way.
        settings.setdefault("DAYBOOK_MODEL_URL", "http://127.0.0.1:9/v1")
        runs.append(Run(data, port, **settings))
        return runs[-1]

    yield start
    for run in runs:
        run.end()


def gone_within(seconds, pids):
    deadline = time.monotonic() + seconds
    while left := [pid for pid in pids if is_running(pid)]:
        if time.monotonic() > deadline:
            return left
        time.sleep(0.05)
    return []


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not come to pass in time."
        time.sleep(0.05)


def test_a_newcomer_gets_all_that_is_needed_and_it_works_as_printed(port, start):
    from daybook.db.embedded.cluster import remove_cluster

    with tempfile.TemporaryDirectory(prefix="daybook-test-") as name:
        Path(name).chmod(0o711)
        data = Path(name) / "data"
        run = start(data, DAYBOOK_MODEL_URL="").read_until("Ctrl-C stops everything")
        try:
            kept = run.credentials()
            assert set(kept) == {"url", "account", "password", "activation_code"}
            assert kept["url"] == run.url
            assert stat.S_IMODE((data / "credentials.json").stat().st_mode) == 0o600
            for value in kept.values():
                assert value in run.said
            assert "demo model (SmolLM2 135M)" in run.said
            assert run.get()
            assert json.loads(run.daybook("calls", "--json")) == []  # the first call will be the newcomer's

            curl = next(line for line in run.said.splitlines() if line.startswith("curl "))
            answer = subprocess.run(
                ["/bin/sh", "-c", curl + " -sS"], capture_output=True, text=True, timeout=120, check=False
            )
            if answer.returncode != 127:  # there may be no curl
                assert json.loads(answer.stdout)["choices"][0]["message"]["content"]

            program = re.search(r"^from openai import OpenAI\n(?:.*\S.*\n){5}", run.said, re.MULTILINE).group(
                0
            )
            answer = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
            )
            assert answer.returncode == 0, answer.stderr
            assert answer.stdout.strip()

            for log in (data / "log").iterdir():
                text = log.read_text(errors="replace")
                assert kept["password"] not in text
                assert kept["activation_code"] not in text
        finally:
            run.end()
            remove_cluster(data)


def test_everything_is_stopped_and_the_database_last(start):
    run = start().read_until("Ctrl-C stops everything")
    wait_for(lambda: {"server", "worker", "shipper"} <= set(run.tree()))
    tree = run.tree()
    assert set(tree) == {"postgres", "server", "worker", "shipper"}
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(30) == 0
    assert re.findall(r"(\w+) stopped", run.rest()) == ["server", "worker", "shipper", "database"]
    assert gone_within(0, tree.values()) == []
    assert "database system is shut down" in (run.data / "log" / "postgres.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_ways_to_be_asked(start, number):
    run = start().read_until("Ctrl-C stops everything")
    wait_for(lambda: {"server", "worker", "shipper"} <= set(run.tree()))
    tree = run.tree()
    run.process.send_signal(number)
    assert run.process.wait(30) == 0
    assert gone_within(0, tree.values()) == []


@pytest.mark.parametrize("moment", [0.05, 0.4, 0.8, 1.2, 1.8])
def test_ctrl_c_while_starting(start, moment):
    run = start()
    time.sleep(moment)
    run.process.send_signal(signal.SIGINT)
    status, said = run.process.wait(30), run.rest()
    # Python itself may still be starting: then it reports the signal in its own way.
    in_python = status == 1 and "daybook/cli" not in said
    assert status in {0, 130, -signal.SIGINT} or in_python, said
    assert "Traceback" not in said or in_python
    assert run.tree() == {}


def test_a_killed_parent_leaves_nothing_and_the_next_run_works(start):
    run = start().read_until("Ctrl-C stops everything")
    wait_for(lambda: {"server", "worker", "shipper"} <= set(run.tree()))
    tree = run.tree()
    before = run.credentials()
    run.process.kill()
    again = start()
    assert gone_within(10, tree.values()) == []
    again.read_until("Ctrl-C stops everything")
    assert again.get()
    assert again.credentials() == before


def test_the_supervisor_stays_light():
    program = "import sys, daybook.launcher; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "daybook.launcher.launch" in modules
    assert not {"sqlalchemy", "asyncpg", "fastapi", "xllamacpp"} & set(modules)


def test_a_killed_make_takes_daybook_with_it(made, port):
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    makefile = made.parent / "Makefile"
    makefile.write_text(f"run:\n\t@exec {sys.executable} -m daybook run\n")
    env = {
        **os.environ,
        "DAYBOOK_DATA": str(made),
        "DAYBOOK_PORT": str(port),
        "DAYBOOK_MODEL_URL": "http://127.0.0.1:9",
    }
    make = subprocess.Popen(["make", "-f", str(makefile), "run"], env=env, stdout=subprocess.PIPE, text=True)
    for line in make.stdout:
        if "Ctrl-C stops everything" in line:
            break
    daybook = int(json.loads((made / "daybook.lock").read_text())["pid"])
    make.kill()
    make.wait()
    assert gone_within(20, [daybook]) == []
    make.stdout.close()


@pytest.mark.parametrize("what", ["server", "worker", "shipper"])
def test_what_dies_is_started_again(start, what):
    run = start().read_until("Ctrl-C stops everything")
    wait_for(lambda: what in run.tree())  # a child that was started just now may not have its own name yet
    first = run.tree()[what]
    os.kill(first, signal.SIGKILL)
    run.read_until(f"The {what} ended by SIGKILL")
    wait_for(lambda: run.tree().get(what, first) != first)
    if what == "server":
        wait_for(lambda: answers(run))


def test_a_database_that_dies_is_started_again_and_the_server_goes_on(start):
    run = start().read_until("Ctrl-C stops everything")
    code = fresh_code(run)
    os.kill(run.tree()["postgres"], signal.SIGKILL)
    run.read_until("The database is up again")
    wait_for(lambda: answers(run, "/v1/models", Authorization=f"Bearer {code}"))


def test_the_address_is_true_at_each_start(start, made):
    start().read_until("Ctrl-C stops everything").end()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other = probe.getsockname()[1]
    run = start(port=other).read_until("Ctrl-C stops everything")
    assert run.credentials()["url"] == f"http://127.0.0.1:{other}"


def test_a_port_in_use_is_named_with_what_to_do(start, port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        run = start()
        assert run.process.wait(20) == 1
        assert f"DAYBOOK_PORT={port + 1} make run" in run.rest()


def test_a_second_run_on_the_same_data_is_told_of_the_first(start):
    run = start().read_until("Ctrl-C stops everything")
    second = start(port=1)
    assert second.process.wait(20) == 1
    assert f"already running on {run.data}: {run.url} (process {run.process.pid})" in second.rest()


def test_what_is_shown_is_true_after_the_administrator_changed_it(start):
    run = start().read_until("Ctrl-C stops everything")
    kept = run.credentials()
    assert f"  password         {kept['password']}\n" in run.said
    run.daybook("user", "password", kept["account"], "--generate")
    codes = json.loads(run.daybook("code", "list", "--json"))
    code = next(code for code in codes if code["name"] == "first code")
    run.daybook("code", "revoke", code["public_id"])
    run.end()
    again = start().read_until("Ctrl-C stops everything")
    assert kept["password"] not in again.said
    assert kept["activation_code"] not in again.said
    assert f"user password {kept['account']}" in again.said
    assert "code add" in again.said


@pytest.mark.parametrize(
    ("last_act", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGILL)", "this machine's processor lacks instructions"),
        ("os._exit(3)", "it ended with status 3 4 times in a row"),
    ],
)
def test_a_demo_model_that_cannot_run_here_is_given_up(start, tmp_path, last_act, words):
    """A wheel for a newer processor, or one that does not match this system's libraries."""
    (tmp_path / "xllamacpp.py").write_text(f"import os, signal\n{last_act}\n")
    model = tmp_path / "some.gguf"
    model.write_text("")
    settings = {"DAYBOOK_MODEL_URL": "", "DAYBOOK_DEMO_MODEL": str(model), "PYTHONPATH": str(tmp_path)}
    run = start(**settings).read_until(f"The demo model cannot run here: {words}").read_until("up to date")
    if "Ctrl-C stops everything" not in run.said:
        run.read_until("Ctrl-C stops everything")
    configs = {config["name"]: config for config in json.loads(run.daybook("config", "list", "--json"))}
    assert not configs["demo"]["enabled"]
    assert run.get()
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(30) == 0
    assert "demo model" not in run.rest().partition("Stopping")[2]


def test_ctrl_c_says_what_it_waits_for_and_a_second_one_hurries(start):
    """A response in progress, which the provider never ends, is cut off and has its line in the ledger."""
    with Endless() as provider:
        run = start(DAYBOOK_MODEL_URL=provider.url).read_until("Ctrl-C stops everything")
        headers = {"Authorization": f"Bearer {fresh_code(run)}", "Content-Type": "application/json"}
        body = {"model": "endless", "messages": [{"role": "user", "content": "?"}], "stream": True}
        request = urllib.request.Request(run.url + "/v1/chat/completions", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.readline()
            began = time.monotonic()
            run.process.send_signal(signal.SIGINT)
            run.read_until("waiting up to 25 s for the server to finish the responses in progress")
            run.process.send_signal(signal.SIGINT)
            assert run.process.wait(30) == 0
            assert time.monotonic() - began < 10
    assert re.findall(r"(\w+) stopped", run.rest()) == ["server", "worker", "shipper", "database"]
    run = start().read_until("Ctrl-C stops everything")
    wait_for(lambda: calls_of(run, "endless") == [("error", "a")])


def test_a_database_of_ones_own_is_used_instead(start, database_url):
    with tempfile.TemporaryDirectory() as name:
        run = start(Path(name), DATABASE_URL=database_url).read_until("Ctrl-C stops everything")
        assert "postgres" not in run.tree()
        assert not (run.data / "postgres").exists()
        assert run.get()


def test_a_database_that_is_not_there_is_one_sentence(start):
    with tempfile.TemporaryDirectory() as name:
        run = start(Path(name), DATABASE_URL="postgresql://me:hunter2@127.0.0.1:9/none")
        assert run.process.wait(30) == 1
        said = run.rest()
        assert "DATABASE_URL" in said
        assert "Traceback" not in said
        assert "hunter2" not in said


class Endless:
    """A provider on loopback whose streams never end."""

    def __enter__(self):
        outer = self
        self.stopped = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer("application/json")
                self.wfile.write(b'{"object": "list", "data": [{"id": "endless", "object": "model"}]}')

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer("text/event-stream")
                chunk = {
                    "object": "chat.completion.chunk",
                    "choices": [{"index": 0, "delta": {"content": "a"}}],
                }
                self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
                outer.stopped.wait(60)

            def answer(self, kind):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def calls_of(run, model):
    calls = json.loads(run.daybook("calls", "--model", model, "--json"))
    return [(call["status"], call["response_content"]) for call in calls]


def fresh_code(run):
    """A new code, as another test may have revoked the first one."""
    return json.loads(run.daybook("code", "add", "--json"))["code"]


def answers(run, path="/", **headers):
    try:
        return run.get(path, **headers)
    except (OSError, urllib.error.URLError):
        return None
