"""The first minutes of a newcomer: `daybook run`, what it prints, typed as it stands, and the ledger after."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import openai
import pytest

from daybook.db.embedded.cluster import remove_cluster
from daybook.db.embedded.process import is_running
from daybook.launcher import demo_model
from daybook.launcher.address import free_port
from support.processes.run import Run

pytestmark = pytest.mark.skipif(
    demo_model.why_not() is not None, reason=f"no demo model here: {demo_model.why_not()}"
)

QUESTION = [{"role": "user", "content": "Count from one to five."}]


@pytest.fixture
def run():
    """A first run: an empty folder, a free port, the offline demo model."""
    with tempfile.TemporaryDirectory(prefix="daybook-test-") as name:
        Path(name).chmod(0o711)  # as root, the database runs as another user, who must get in
        data = Path(name) / "data"
        run = Run(data, free_port())
        yield run.read_until("Ctrl-C stops everything")
        run.end()
        remove_cluster(data)


def test_what_is_printed_works_and_what_an_sdk_is_told_stands_in_the_ledger(run):
    credentials = json.loads((run.data / "credentials.json").read_text())
    assert credentials["url"] == run.url

    told = paste_curl(run)["usage"]
    assert tokens(usage_of(run)) == [told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]]

    said = paste_program(run)
    before = usage_of(run)
    assert (before["total_calls"], before["successful_calls"], before["failed_calls"]) == (2, 2, 0)

    client = openai.OpenAI(base_url=credentials["url"] + "/v1", api_key=credentials["activation_code"])
    model = next(iter(client.models.list())).id
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=QUESTION,
            max_tokens=40,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    client.close()
    usage = chunks[-1].usage
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text
    after = usage_of(run)
    grown = [now - then for now, then in zip(tokens(after), tokens(before), strict=True)]
    assert grown == [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens]
    assert 0 < usage.completion_tokens <= 40

    calls = [call for call in json.loads(run.daybook("calls", "--json")) if call["api"] == "chat.completions"]
    assert [call["response_content"].strip() for call in calls[:2]] == [text.strip(), said.strip()]
    shown = json.loads(run.daybook("calls", "show", str(calls[0]["id"]), "--json"))
    assert shown["request_messages"] == QUESTION
    assert (shown["request_params"]["max_tokens"], shown["request_params"]["stream"]) == (40, True)
    assert shown["response_content"] == text
    assert shown["response_data"]["choices"][0]["message"]["content"] == text
    assert (shown["status"], shown["model"], shown["error_message"]) == ("success", model, None)
    line = shown["line"]
    assert line["id"] == shown["usage_id"]
    assert (line["total_tokens"], line["is_estimated"], line["success"]) == (usage.total_tokens, False, True)
    assert credentials["activation_code"] not in json.dumps([calls, shown])

    end_by_ctrl_c(run)


def paste_curl(run):
    """The printed line, as a shell runs it; without curl, the same request."""
    line = next(line for line in run.said.splitlines() if line.startswith("curl "))
    if shutil.which("curl"):
        done = subprocess.run(
            ["/bin/sh", "-c", line], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    words = shlex.split(line)
    options = list(zip(words[2::2], words[3::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    body = dict(options)["-d"].encode()
    with urllib.request.urlopen(urllib.request.Request(words[1], body, headers), timeout=120) as answer:
        return json.load(answer)


def paste_program(run):
    """What the printed program prints."""
    program = re.search(r"^from openai import OpenAI\n(?:.*\S.*\n){5}", run.said, re.MULTILINE)
    assert program, run.said
    done = subprocess.run(
        [sys.executable, "-c", program[0]], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    return done.stdout


def usage_of(run):
    return json.loads(run.daybook("usage", "--json"))


def tokens(usage):
    return [usage[f"total_{name}tokens"] for name in ("prompt_", "completion_", "")]


def end_by_ctrl_c(run):
    tree = run.tree()
    assert set(tree) == {"postgres", "model", "server", "worker", "shipper"}
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(30) == 0
    deadline = time.monotonic() + 5
    while left := [pid for pid in tree.values() if is_running(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
