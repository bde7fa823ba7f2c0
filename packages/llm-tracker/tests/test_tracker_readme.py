"""The README's programs run, and its tables match the code."""

import re
import subprocess
import sys
from pathlib import Path

import llm_tracker
from llm_tracker import provider_config, settings

README = Path(__file__).parents[1] / "README.md"
OLLAMA = "http://127.0.0.1:11434/v1"


def programs():
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


def test_the_first_example_runs_without_a_key(clean, chat_server):
    first = programs()[0]
    assert OLLAMA in first
    assert "api_key" not in first
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", first.replace(OLLAMA, chat_server.url)],
        capture_output=True,
        text=True,
        check=True,
    )
    answer, usage, summary = done.stdout.splitlines()
    assert answer == "Hello!"
    assert "'total_tokens': 30" in usage
    assert "'total_calls': 1" in summary
    assert (clean / "llm_tracker.db").exists()
    assert done.stderr == ""


def test_the_other_examples_run_after_it(ledger):
    first, *others = programs()
    imports = [line for line in first.splitlines() if line.startswith(("import", "from"))]
    for program in others:
        exec("\n".join([*imports, program]), {})
    # The two that record here: the stream, and the example for tests has a ledger of its own.
    assert len(ledger.rows()) == 1


def test_every_setting_is_in_the_readme():
    text = README.read_text()
    keys = provider_config.ProviderConfig.__dataclass_fields__.keys() - {"source", "provider"}
    plain = [name for p in settings.PROVIDERS.values() for names in p.environment.values() for name in names]
    missing = [name for name in (*settings.SETTING_NAMES, *keys, *plain) if f"`{name}`" not in text]
    assert missing == []


def test_the_version_is_the_distributions():
    described = (README.parent / "pyproject.toml").read_text()
    assert f'version = "{llm_tracker.__version__}"' in described
