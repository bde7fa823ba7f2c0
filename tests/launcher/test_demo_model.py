"""The real offline demo model, called like any provider."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from daybook.gateway.providers import local_models
from daybook.launcher import demo_model
from daybook.launcher.address import free_port

pytestmark = pytest.mark.skipif(
    demo_model.why_not() is not None, reason=f"no demo model here: {demo_model.why_not()}"
)


@pytest.fixture(scope="module")
def model():
    port = free_port()
    command = [
        "-m",
        "daybook.launcher.demo_model",
        "--port",
        str(port),
        "--model",
        str(demo_model.find_model()),
    ]
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while status(url + "/health") != 200:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield url
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM


def request(url, body=None, **headers):
    data = json.dumps(body).encode() if body is not None else None
    return urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=120)


def status(url):
    try:
        with request(url) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


def test_it_answers_and_counts(model):
    body = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}
    with request(model + "/v1/chat/completions", body) as answer:
        said = json.load(answer)
    usage = said["usage"]
    assert said["choices"][0]["message"]["content"]
    assert 0 < usage["completion_tokens"] <= 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_its_name_is_the_one_that_the_gateway_lists(model):
    with request(model + "/v1/models") as answer:
        assert [entry["id"] for entry in json.load(answer)["data"]] == [demo_model.MODEL_NAME]
    assert local_models.DEMO_MODEL == demo_model.MODEL_NAME


@pytest.mark.parametrize("path", ["/", "/slots", "/metrics", "/tools", "/cors-proxy"])
def test_what_nobody_needs_is_closed(model, path):
    assert status(model + path) in {403, 404, 501}


def test_a_web_page_elsewhere_may_not_read_it(model):
    with request(model + "/v1/models", Origin="https://elsewhere.example") as answer:
        assert answer.headers.get("Access-Control-Allow-Origin") in {None, ""}


def test_a_file_that_is_no_model_is_one_sentence(tmp_path):
    file = tmp_path / "model.gguf"
    file.write_text("no model")
    command = ["-m", "daybook.launcher.demo_model", "--port", str(free_port()), "--model", str(file)]
    ended = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert f"{file} cannot be served" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_chosen_file_that_is_missing_is_named(tmp_path):
    assert "DAYBOOK_DEMO_MODEL" in demo_model.why_not(tmp_path / "none.gguf")
