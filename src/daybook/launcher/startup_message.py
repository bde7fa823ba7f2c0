"""The message of `daybook run` after start-up: the URL, the credentials, and two examples to paste."""

import json
import os
import sys
from pathlib import Path

from daybook.launcher.credentials import Credentials
from daybook.launcher.startup_summary import StartupSummary

_QUESTION = "Say hello in one short sentence."


def startup_message(
    url: str, credentials: Credentials | None, summary: StartupSummary, *, path: str, demo: str
) -> str:
    """The message. `path` is the file of the credentials, `demo` the label of the demo model."""
    lines = ["", f"Daybook is ready: {url}", ""]
    daybook = _program("daybook")
    if credentials is None:
        lines += ["An administrator exists already, so no first password was created. To set a new one:"]
        lines += [f"  {daybook} user password ACCOUNT"]
        return "\n".join(lines)
    password = credentials.password
    if not summary.password_holds:
        password = f"changed since the first run; a new one: {daybook} user password {credentials.account}"
    code = credentials.activation_code
    if not summary.code_holds:
        code = f"the first one is no longer valid; a new one: {daybook} code add"
    lines += [f"  account          {credentials.account}"]
    lines += [f"  password         {password}", f"  activation code  {code}"]
    lines += (
        [f"  (from the first run; kept in {path})"] if summary.password_holds or summary.code_holds else []
    )
    if not summary.code_holds:
        return "\n".join(lines)
    if summary.provider is None:
        return "\n".join(
            [*lines, "", "No model can be called yet. Add a provider:", f"  {daybook} config set openai"]
        )
    local = {"demo": demo, "local": "from DAYBOOK_MODEL_URL"}
    source = local.get(summary.provider, f"of the provider {summary.provider}")
    if summary.model is None:
        return "\n".join(
            [*lines, "", f"Ask a model ({source}) by its name; {url}/v1/models lists the known ones."]
        )
    return "\n".join(
        [
            *lines,
            "",
            f"Ask a model ({source}). With curl:",
            "",
            curl_line(url, credentials.activation_code, summary.model),
            "",
            f"Or with Python (paste it into a file, and run that with {_program('python')}):",
            "",
            python_program(url, credentials.activation_code, summary.model),
        ]
    )


def curl_line(url: str, code: str, model: str) -> str:
    """A shell command that prints a whole answer."""
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
    """The path of a program in this environment, relative if it is below the current folder."""
    program = Path(sys.prefix) / "bin" / name
    try:
        return str(program.relative_to(Path.cwd()))
    except ValueError:
        return os.fspath(program)
