"""What the call log takes on disk, and what it would take if large parts that many calls repeat were stored once.

    .venv/bin/python bench/storage/run.py [--dsn postgresql://…]

Without `--dsn` it brings up an embedded server (which has no lz4). Two kinds of calls: the recorded exchanges beside
the checkout, where they are there; and agent loops made of this project's own documents and schema: a long system
prompt, many tools, and a history that grows with each turn. *Once* keeps parts of `PART` bytes and more (tools, system
prompts) in a table by their hash, and a reference in the row.
"""

import argparse
import asyncio
import hashlib
import json
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from daybook.db.embedded import EmbeddedServer
from daybook.db.engine import Database
from daybook.gateway.apis.table import named
from daybook.gateway.apis.transcripts import request_parts
from daybook.settings import Settings
from daybook.web.app import create_app

ROOT = Path(__file__).parents[2]
RECORDED = ROOT.parent / "shared" / "llm" / "recorded.jsonl"
PART = 2048
PARTS = ("tools", "system", "instructions", "systemInstruction")
LOOPS, TURNS = 40, 30

Call = tuple[Any, dict[str, Any], Any]
"""What was asked, how, and what was answered."""


def recorded() -> Iterator[Call]:
    """Real exchanges."""
    with RECORDED.open(encoding="utf-8") as lines:
        for line in lines:
            exchange = json.loads(line)
            asked, params = request_parts(named(exchange["api"]), exchange["request"] or {})
            yield asked, params, exchange["response"]["body"]


def agent_loops() -> Iterator[Call]:
    """Calls of agents: the same tools and system prompt each time, and all that was said before."""
    words = " ".join(path.read_text() for path in sorted(ROOT.glob("docs/**/*.md"))).split()
    system = (ROOT / "docs" / "architecture.md").read_text()
    schema = create_app(Database.connect("postgresql://nobody@127.0.0.1/nothing"), Settings()).openapi()
    tools = [
        {"type": "function", "function": {"name": name, "parameters": shape}}
        for name, shape in list(schema["components"]["schemas"].items())[:20]
    ]
    rng = random.Random(7)

    def text(count: int) -> str:
        start = rng.randrange(len(words) - count)
        return " ".join(words[start : start + count])

    for _ in range(LOOPS):
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text(40)}]
        for _ in range(TURNS):
            answer = {"role": "assistant", "content": text(30), "tool_calls": [{"arguments": text(15)}]}
            yield list(messages), {"model": "m", "tools": tools}, {"choices": [{"message": answer}]}
            messages += [answer, {"role": "tool", "content": text(120)}]


def once(value: Any, parts: dict[bytes, str]) -> Any:
    """`value` with references in place of its large static parts, which go into `parts`."""
    if isinstance(value, list):
        return [once(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    is_system = value.get("role") in {"system", "developer"}
    return {
        key: _reference(held, parts)
        if key in PARTS or (is_system and key == "content")
        else once(held, parts)
        for key, held in value.items()
    }


def _reference(value: Any, parts: dict[bytes, str]) -> Any:
    text = json.dumps(value)
    if len(text) < PART:
        return value
    key = hashlib.sha256(text.encode()).digest()
    parts[key] = text
    return {"part": key.hex()}


async def measure(connection: asyncpg.Connection, calls: Iterable[Call], method: str) -> tuple[int, int, int]:
    """Bytes of JSON, on disk as it is, and on disk with parts once."""
    sizes: list[int] = []
    said = 0
    for store_once in (False, True):
        await connection.execute(
            f"DROP TABLE IF EXISTS calls, parts;"
            f"CREATE TABLE calls (id bigserial PRIMARY KEY, asked jsonb COMPRESSION {method}, "
            f"params jsonb COMPRESSION {method}, answer jsonb COMPRESSION {method});"
            f"CREATE TABLE parts (hash bytea PRIMARY KEY, content jsonb COMPRESSION {method})"
        )
        parts: dict[bytes, str] = {}
        rows: list[tuple[str, str, str]] = []
        said = 0
        for call in calls:
            whole = [json.dumps(value).replace("\\u0000", "") for value in call]
            said += sum(map(len, whole))
            kept = [json.dumps(once(value, parts)) for value in call[:2]] if store_once else whole[:2]
            rows.append((kept[0].replace("\\u0000", ""), kept[1].replace("\\u0000", ""), whole[2]))
        await connection.copy_records_to_table("calls", records=rows, columns=("asked", "params", "answer"))
        await connection.copy_records_to_table("parts", records=[*parts.items()], columns=("hash", "content"))
        sizes.append(
            await connection.fetchval(
                "SELECT pg_total_relation_size('calls') + pg_total_relation_size('parts')"
            )
        )
    return said, sizes[0], sizes[1]


async def report(dsn: str) -> None:
    """Print the table."""
    connection = await asyncpg.connect(dsn)
    methods = await connection.fetchval(
        "SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'"
    )
    print("| calls | compression | JSON, MB | on disk, MB | with parts once, MB | ratio |")
    print("|---|---|---|---|---|---|")
    kinds = {"agent loops": list(agent_loops())}
    if RECORDED.exists():
        kinds["recorded"] = list(recorded())
    for name, calls in kinds.items():
        for method in methods:
            said, whole, shared = await measure(connection, calls, method)
            megabytes = " | ".join(f"{size / 1e6:.1f}" for size in (said, whole, shared))
            print(f"| {name} ({len(calls):,}) | {method} | {megabytes} | {whole / shared:.2f} |")
    await connection.close()


@contextmanager
def embedded() -> Iterator[str]:
    """The address of a server that lives as long as this does."""
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedServer(Path(folder), durable=False)
        server.start()
        try:
            yield server.url(database="postgres")
        finally:
            server.remove()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--dsn", help="a PostgreSQL whose database may be written to (tables `calls` and `parts`)"
    )
    arguments = parser.parse_args()
    if arguments.dsn:
        asyncio.run(report(arguments.dsn))
        return
    with embedded() as dsn:
        asyncio.run(report(dsn.replace("postgresql+asyncpg://", "postgresql://")))


if __name__ == "__main__":
    sys.exit(main())
