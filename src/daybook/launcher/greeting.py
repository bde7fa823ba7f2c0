"""What `daybook run` shows when everything is up: where to go, who you are, and two things to paste."""

import json
import os
import sys
from pathlib import Path

from daybook.launcher.credentials import Credentials

_QUESTION = "Say hello in one short sentence."


def greeting(url: str, credentials: Credentials | None, model: str | None, *, path: str, note: str) -> str:
    """The text. `model`: the one to try, None when there is none yet; `path`: where the credentials are kept;
    `note`: what to know about the model.
    """
    lines = ["", f"Daybook is ready: {url}", ""]
    if credentials is None:
        lines += ["An administrator exists already, so no first password was made. To set a new one:"]
        lines += [f"  {_program('daybook')} user password ACCOUNT"]
        return "\n".join(lines)
    lines += [
        f"  account          {credentials.account}",
        f"  password         {credentials.password}",
        f"  activation code  {credentials.activation_code}",
        f"  (as first made; kept in {path})",
        "",
    ]
    if model is None:
        return "\n".join([*lines, f"No model can be called yet: {note}"])
    return "\n".join(
        [
            *lines,
            f"Ask a model ({note}). With curl:",
            "",
            curl_line(url, credentials.activation_code, model),
            "",
            f"Or with Python (paste it into a file, and run that with {_program('python')}):",
            "",
            python_program(url, credentials.activation_code, model),
        ]
    )


def curl_line(url: str, code: str, model: str) -> str:
    """A line for the shell that gets a whole answer."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": _QUESTION}]})
    quoted = body.replace("'", "'\\''")
    return (
        f"curl {url}/v1/chat/completions -H 'Authorization: Bearer {code}' "
        f"-H 'Content-Type: application/json' -d '{quoted}'"
    )


def python_program(url: str, code: str, model: str) -> str:
    """Six lines that stream an answer with the `openai` SDK."""
    return f"""\
from openai import OpenAI
client = OpenAI(base_url="{url}/v1", api_key="{code}")
messages = [{{"role": "user", "content": "{_QUESTION}"}}]
for chunk in client.chat.completions.create(model={json.dumps(model)}, messages=messages, stream=True):
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)"""


def _program(name: str) -> str:
    """How to type a program of our environment: short where we stand in the checkout."""
    program = Path(sys.prefix) / "bin" / name
    try:
        return str(program.relative_to(Path.cwd()))
    except ValueError:
        return os.fspath(program)
