"""The two peers: nginx, which only passes bytes on, and LiteLLM's proxy."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import exchange
import nginx
from exchange import Mode
from processes import BenchError, Process
from target import Target

LITELLM = "1.106.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daybook-bench"


class NginxProxy(Target):
    """The floor: what passing bytes costs when nothing is written down."""

    name = "nginx"
    note = "plain reverse proxy, one worker, kept-alive connections, records nothing"

    def start(self) -> None:
        """Start it with the upstream behind it."""
        config = nginx.proxy_config(self.folder, self.port, self.upstream_port)
        self.process = nginx.start(self.folder, config, self.core)
        self.wait_until(lambda: bool(self.serving()), 10)

    def url(self, mode: Mode) -> str:
        """The path that leads to the provider's own of the same name."""
        return f"http://127.0.0.1:{self.port}/{mode}/v1/chat/completions"


class LiteLLMProxy(Target):
    """The peer: LiteLLM's proxy from PyPI, without a database and therefore with less to do."""

    name = "LiteLLM"
    note = f"{LITELLM}, one worker, key checked, no database: it stores no record and so has less to do"

    def start(self) -> None:
        """Install it where that has not been done, and start it with both models."""
        program = _install_litellm()
        config = self.folder / "config.yaml"
        models = [
            {
                "model_name": exchange.model(mode),
                "litellm_params": {
                    "model": f"openai/{exchange.model(mode)}",
                    "api_base": f"{self.upstream}/{mode}/v1",
                    "api_key": "sk-upstream",
                },
            }
            for mode in exchange.MODES
        ]
        settings = {"model_list": models, "general_settings": {"master_key": self.key}}
        config.write_text(json.dumps(settings, indent=1))  # JSON is YAML
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        command = [str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--num_workers", "1", "--telemetry", "False"]
        self.process = Process(
            command, core=self.core, log=self.folder / "litellm.log", environment=environment
        )
        self.wait_until(lambda: self.answers("/health/liveliness"), 180)


def _install_litellm() -> Path:
    """The `litellm` program of the pinned version, in an environment of its own that stays for later runs."""
    folder = CACHE / f"litellm-{LITELLM}"
    finished = folder / "installed"
    if not finished.exists():
        print(
            f"Installing LiteLLM {LITELLM} into {folder} (once, some minutes) …", file=sys.stderr, flush=True
        )
        venv.create(folder, with_pip=True, clear=True)
        command = [str(folder / "bin" / "pip"), "install", "--quiet", f"litellm[proxy]=={LITELLM}"]
        done = subprocess.run(
            command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        if done.returncode != 0:
            raise BenchError(
                f"LiteLLM {LITELLM} could not be installed; run with --targets nginx,daybook or see why:\n"
                f"{done.stderr[-2000:]}"
            )
        finished.touch()
    return folder / "bin" / "litellm"
