r"""Forms of secrets in content, and the text in their place, `[redacted: kind]`.

A secret is found by its form. One without a form (a password in a sentence) is not found, and a word that has the form
by chance is replaced. The list is in `docs/howto/redaction.md`, and a test compares the two.

The search costs nearly nothing if nothing is found: each form has literals without which it cannot occur, and
expressions run only if one of them does.
"""

import re
from dataclasses import dataclass

_BEFORE = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{4}))"
r"""Possible start of a key. In JSON searched as text, `\n` and `\u2014` are not part of a word."""

_NAMES = (
    r"(?:pass(?:word|wd|phrase)|pwd|(?:client[_-]?|app[_-]?|shared[_-]?)?secret(?:[_-]?(?:access[_-]?)?key)?"
    r"|(?:x[_-])?api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key"
    r"|(?:access|refresh|auth|bearer|session|id)[_-]?token)"
)


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of secret: `expression` is tried if one of `literals` occurs. Only its group `secret` is replaced, if it
    has one. `tail` finds one that is cut off at the end of a text.
    """

    kind: str
    literals: tuple[str, ...]
    expression: re.Pattern[str]
    tail: re.Pattern[str] | None = None


def _key(kind: str, *prefixes: str, body: str, least: int, most: int | None = None) -> Form:
    """A key that is known by how it begins."""
    begin = f"(?a){_BEFORE}(?:{'|'.join(map(re.escape, prefixes))})"
    return Form(
        kind,
        prefixes,
        re.compile(f"{begin}{body}{{{least},{most or ''}}}(?![A-Za-z0-9])"),
        re.compile(f"{begin}{body}{{6,}}$"),
    )


CODE = _key("activation code", "daybook_", body="[0-9a-hj-km-np-tv-z]", least=32, most=32)
"""Daybook's own codes: replaced in every mode."""

_KEYS = (
    CODE,
    _key("API key", "sk-", "sk_live_", "sk_test_", "rk_live_", "rk_test_", body=r"[\w-]", least=20),
    _key(
        "API key", "gsk_", "xai-", "pplx-", "r8_", "hf_", "nvapi-", "fw_", "tgp_v1_", body=r"[\w-]", least=20
    ),
    _key("Google key", "AIza", body=r"[\w-]", least=35, most=35),
    _key("Google key", "ya29.", body=r"[\w-]", least=20),
    _key("GitHub token", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", body=r"\w", least=36),
    _key("GitLab token", "glpat-", body=r"[\w-]", least=20),
    _key("Slack token", "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-", body=r"[\w-]", least=20),
    _key("package registry token", "npm_", "pypi-", body=r"[\w-]", least=36),
    _key("AWS key", "AKIA", "ASIA", body="[A-Z0-9]", least=16, most=16),
    _key("SendGrid key", "SG.", body=r"[\w.-]", least=40),
    Form(
        "JWT",
        ("eyJ",),
        re.compile(rf"(?a){_BEFORE}eyJ[\w-]{{10,}}\.eyJ[\w-]{{5,}}\.[\w-]*"),
        re.compile(rf"(?a){_BEFORE}eyJ[\w-]{{10,}}(?:\.[\w-]*){{0,2}}$"),
    ),
)
"""One word of at least `_SHORTEST` characters."""

_PHRASES = (
    Form(
        "private key",
        ("private key-----",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[^\"-]*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?"
        ),
    ),
    Form(
        "bearer token",
        ("bearer ",),
        re.compile(r"(?i)\bbearer +(?P<secret>[A-Za-z0-9_~+/.-]{16,}=*)"),
        re.compile(r"(?i)\bbearer +(?P<secret>[A-Za-z0-9_~+/.-]{6,}=*)$"),
    ),
    Form(
        "password",
        ("://",),
        re.compile(r"://[^\s:/@\"\\]{0,64}:(?P<secret>[^\s:/@\"\\]{3,128})@"),
    ),
)

_PASSWORD = Form(
    "password",
    (),
    # NAME=value, NAME: value, "NAME": "value", also where it is JSON inside a text (\"NAME\": \"value\"). What follows
    # the name and is code or a type is not the secret.
    re.compile(
        rf"(?i)(?<![a-z]){_NAMES}\b\\*[\"'`]?[ ]{{0,4}}(?:=>|[:=])[ ]{{0,4}}\\*[\"'`]?"
        r"(?!(?:none|null|true|false|undefined|str|string|bytes|int)\b)(?![a-z_][\w.]*[\[(])"
        r"(?P<secret>[^\s\"'`\\,;&<>{}()\[\]$]{4,256})"
    ),
)

FORMS = (*_KEYS, *_PHRASES, _PASSWORD)
"""All that is looked for."""

_SHORTEST = 20
_TAIL = 512  # characters at a cut in which the beginning of a secret is looked for
_SPACED = bytes(code if chr(code).isalnum() or chr(code) in "_-." else 32 for code in range(128)) + b" " * 128
_STEMS = ("passw", "passphrase", "pwd", "secret")
_NAMED = {
    "key": tuple(
        f"{name}{dash}key" for name in ("api", "access", "private", "auth") for dash in ("", "_", "-")
    ),
    "token": tuple(
        f"{name}{dash}token"
        for name in ("access", "refresh", "auth", "bearer", "session", "id")
        for dash in ("", "_", "-")
    ),
}
_SECRET_NAME = re.compile(rf"(?i)(?:.*[_-])?{_NAMES}|authorization|x-goog-api-key|cookie|set-cookie")


def redact_text(text: str, *, cut: bool = False) -> str:
    """Return `text` with its secrets replaced; the same object if there are none. `cut`: it may end within one."""
    secrets = secrets_in(text, cut=cut)
    return (
        replace_spans(text, [(start, end, mark(kind)) for kind, start, end in secrets]) if secrets else text
    )


def without_code(text: str) -> str:
    """`text` without activation codes."""
    return CODE.expression.sub(mark(CODE.kind), text) if "daybook_" in text else text


def replace_spans(text: str, spans: list[tuple[int, int, str]]) -> str:
    """Return `text` with each span (start, end) replaced, in order; the same object if there are none."""
    if not spans:
        return text
    parts: list[str] = []
    done = 0
    for start, end, replacement in spans:
        parts += text[done:start], replacement
        done = end
    return "".join([*parts, text[done:]])


def secrets_in(text: str, *, cut: bool = False) -> list[tuple[str, int, int]]:
    """Kind, start and end of each secret in `text`, in order and apart from each other."""
    found = [
        (form.kind, *match.span("secret" if "secret" in match.re.groupindex else 0))
        for form in suspects(text)
        for match in form.expression.finditer(text)
    ]
    if cut:
        found += _cut_off(text)
    if not found:
        return []
    found.sort(key=lambda secret: (secret[1], -secret[2]))
    apart: list[tuple[str, int, int]] = []
    for secret in found:
        if not apart or secret[1] >= apart[-1][2]:
            apart.append(secret)
        elif secret[2] > apart[-1][2]:
            apart[-1] = (apart[-1][0], apart[-1][1], secret[2])
    return apart


def _cut_off(text: str) -> list[tuple[str, int, int]]:
    """The beginnings of secrets at the end of `text`: they are in its last two words."""
    start = max(0, len(text) - _TAIL)
    start = len(text) - len(" ".join(text[start:].rsplit(" ", 2)[-2:]))
    last = text[start:].lower()
    return [
        (form.kind, *match.span("secret" if "secret" in match.re.groupindex else 0))
        for form in (*_KEYS, *_PHRASES)
        if form.tail is not None
        and any(literal.lower() in last for literal in form.literals)
        and (match := form.tail.search(text, start)) is not None
    ]


def suspects(text: str) -> list[Form]:
    """The forms that `text` may hold. It has to be quick: nearly always there are none."""
    data = text.encode("utf-8", "surrogatepass")
    runs = b" ".join([run for run in data.translate(_SPACED).split() if len(run) >= _SHORTEST]).decode()
    found = [form for form in _KEYS if any(literal in runs for literal in form.literals)] if runs else []
    lower = text.lower()
    found += [form for form in _PHRASES if any(literal in lower for literal in form.literals)]
    if any(stem in lower for stem in _STEMS) or any(
        stem in lower and any(name in lower for name in names) for stem, names in _NAMED.items()
    ):
        found.append(_PASSWORD)
    return found


def is_secret_name(name: str) -> bool:
    """True if a field of this name holds a secret, whatever its form."""
    return len(name) <= 64 and _SECRET_NAME.fullmatch(name) is not None  # noqa: PLR2004  (a long name is a sentence)


def mark(kind: str) -> str:
    """Return the text in a secret's place."""
    return f"[redacted: {kind}]"
