"""The status page: one self-contained document without scripts."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.metadata import version


@dataclass(frozen=True, slots=True)
class Providers:
    """The enabled providers: any besides the demo model, and the demo model."""

    configured: bool
    demo: bool


STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1d2327; --quiet: #5b666e; --paper: #fbfaf7; --rule: #d9d5cb; --good: #2f7d4f; --bad: #b3392f;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --quiet: #a3a9ad; --paper: #17191b; --rule: #363a3d;
          --good: #6cc48e; --bad: #f08a80; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 4rem 1.5rem; }
h1 { margin: 0; font: 600 2.25rem/1.2 Georgia, serif; }
.lead { margin: .5rem 0 2rem; color: var(--quiet); }
dl { margin: 0; border-top: 1px solid var(--rule); }
dl > div {
  display: grid; grid-template-columns: 9rem 1fr; gap: 0 1rem;
  padding: .75rem 0; border-bottom: 1px solid var(--rule);
}
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.good { color: var(--good); }
.bad { color: var(--bad); }
code { font: .9375em ui-monospace, monospace; }
a { color: inherit; }
@media (max-width: 30rem) {
  main { padding: 2rem 1rem; }
  dl > div { grid-template-columns: 1fr; }
}
"""

POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def status_page(address: str, providers: Providers | None) -> str:
    """The page of a Daybook at `address`. `providers` is None if the database is unavailable."""
    address = escape(address)
    state, next_step = _words(providers)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Daybook</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>Daybook</h1>
<p class="lead">Every model call passes one gateway and leaves one line in the ledger.</p>
<dl>
<div><dt>Daybook</dt><dd><span class="good">Running</span>, version {escape(version("daybook"))}</dd></div>
{state}
<div><dt>Gateway</dt><dd>OpenAI: <code>{address}/v1</code><br>
Anthropic and Gemini: <code>{address}</code></dd></div>
<div><dt>API</dt><dd><a href="/api/v1/openapi.json"><code>{address}/api/v1</code></a></dd></div>
<div><dt>Next</dt><dd>{next_step}</dd></div>
</dl>
</main>
</body>
</html>
"""


def _words(providers: Providers | None) -> tuple[str, str]:
    """The rows about the database and the models, and the next step."""
    read_on = "The README and <code>docs/</code> have the next steps."
    set_key = f"<code>daybook config set</code> adds a provider's key. {read_on}"
    match providers:
        case None:
            database, models, next_step = (
                '<span class="bad">Does not answer</span>',
                "Unknown while the database is unavailable",
                "The terminal in which Daybook was started has the details.",
            )
        case Providers(configured=True):
            database, models, next_step = _UP, '<span class="good">A provider is configured</span>', read_on
        case Providers(demo=True):
            database, models, next_step = _UP, "Only the offline demo model so far", set_key
        case _:
            database, models, next_step = _UP, '<span class="bad">No provider is configured</span>', set_key
    return f"{_row('Database', database)}\n{_row('Models', models)}", next_step


_UP = '<span class="good">Up</span>'


def _row(name: str, words: str) -> str:
    return f"<div><dt>{name}</dt><dd>{words}</dd></div>"
