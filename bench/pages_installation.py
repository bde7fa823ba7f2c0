"""A Daybook as somebody has it after some months: days, a page, a video, and thousands of lines in the ledger."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # what the tests make is what is measured

from daybook.db.embedded import running_server  # noqa: E402  (after the path)
from daybook.db.embedded.cluster import remove_cluster  # noqa: E402
from daybook.db.engine import asyncpg_dsn  # noqa: E402
from daybook.launcher.address import free_port  # noqa: E402
from support.browser.seed_data import furnish  # noqa: E402
from support.browser.sessions import Person, client_of  # noqa: E402
from support.processes.run import Run  # noqa: E402
from support.videos.made import Videos  # noqa: E402

LINES = 5000

_LINES = """
INSERT INTO llm_tracker_usage (id, user_id, model, provider, prompt_tokens, completion_tokens, total_tokens,
    cached_tokens, success, cost, source, duration_ms, group_id, created_at)
SELECT gen_random_uuid(), $2, model, 'openai', prompt, completion, prompt + completion, prompt / 3, random() < 0.97,
    (prompt * 0.0000025 + completion * 0.00001)::numeric(12, 7), source, exp(5 + 4 * random())::int,
    (SELECT min(id) FROM groups), now() - random() * interval '60 days'
FROM (
    SELECT ('{gpt-5,gpt-5-mini,claude-sonnet-4-5,claude-haiku-4-5,gemini-2.5-flash,o3}'::text[])
            [1 + floor(6 * power(random(), 2))::int] AS model,
        ('{gateway,gateway,chat,diary,vision}'::text[])[1 + floor(5 * random())::int] AS source,
        (random() * 4000)::int AS prompt, (random() * 800)::int AS completion
    FROM generate_series(1, $1)
) AS calls
"""


@dataclass(frozen=True)
class Installation:
    """A running Daybook and its administrator, whose day it is."""

    url: str
    administrator: Person
    cookie: str = field(repr=False)


@contextmanager
def installation() -> Iterator[Installation]:
    """`daybook run` with all of it, which ends with the measurement."""
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as name:
        Path(name).chmod(0o711)  # as root, the database runs as another user, who must get in
        data = Path(name) / "data"
        run = Run(data, free_port()).read_until("Ctrl-C stops everything")
        try:
            print("Furnishing a Daybook; the demo model writes a page …", file=sys.stderr, flush=True)
            yield asyncio.run(_furnished(run))
        finally:
            run.end()
            remove_cluster(data)


async def _furnished(run: Run) -> Installation:
    known = run.credentials()
    administrator = Person(known["account"], known["password"])
    video = Videos(run.data).make("video.mp4", seconds=8, size="640x360", sound=True).read_bytes()
    async with client_of(run.url, administrator) as client:
        await furnish(client, known["activation_code"], video)
        me = (await client.get("/api/v1/me")).json()
        cookie = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
    connection = await asyncpg.connect(asyncpg_dsn(running_server(run.data).dsn))
    try:
        await connection.execute(_LINES, LINES, me["id"])
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return Installation(run.url, administrator, cookie)
