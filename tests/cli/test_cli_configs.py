"""`daybook config`: keys come from stdin, prompt or environment, and are never shown."""

import asyncio
import os
import select
import stat
import subprocess
import sys
from pathlib import Path

import pytest_asyncio

from daybook.gateway.providers.service import load_configs
from daybook.gateway.providers.vault import Vault
from support.gateway.upstream import Reply, Upstream

KEY = "sk-very-secret-0123456789"


@pytest_asyncio.fixture
async def provider():
    """A provider that lists one model."""
    server = Upstream()
    await server.start()
    server.reply(Reply(body={"data": [{"id": "m"}]}))
    yield server
    await server.stop()


async def stored(database, tmp_path):
    async with database.read() as session:
        return {one.name: one for one in await load_configs(session, Vault(tmp_path / "data"))}


async def test_a_configuration_is_set_tested_changed_and_deleted(cli, database, provider, tmp_path):
    kind = ("--provider", "openai_compatible", "--base-url", provider.url + "/v1/")
    said = await cli("config", "set", "main", *kind, "--key-stdin", "--models", "m, x*", input=KEY + "\n")
    assert said.status == 0
    listed = await cli("config", "list", "--json")
    [config] = listed.json
    assert (config["has_key"], config["models"]) == (True, ["m", "x*"])
    assert config["base_url"] == provider.url + "/v1"
    assert (await stored(database, tmp_path))["main"].api_key == KEY
    assert stat.S_IMODE((tmp_path / "data" / "secret.key").stat().st_mode) == 0o600

    tested = await cli("config", "test", "main")
    assert tested.status == 0
    assert "1 model" in tested.out
    assert provider.received[0].headers["authorization"] == f"Bearer {KEY}"
    provider.reply(Reply(status=401, body={"error": KEY}))
    refused = await cli("config", "test", "main", "--json")
    assert (refused.status, refused.json["key_accepted"]) == (1, False)

    changed = await cli("config", "set", "main", "--priority", "3", "--disable", "--json")
    assert (changed.json["priority"], changed.json["enabled"], changed.json["has_key"]) == (3, False, True)
    table = await cli("config", "list")
    for done in (said, listed, tested, refused, changed, table):
        assert KEY not in done.out + done.err
    assert (await cli("config", "delete", "main")).status == 0
    assert (await cli("config", "list", "--json")).json == []
    assert (await cli("config", "test", "main")).status == 1


async def test_a_key_comes_from_the_environment_or_with_a_warning_as_an_option(cli, database, tmp_path):
    done = await cli("config", "set", "openai", DAYBOOK_KEY=KEY)
    assert (done.status, done.err) == (0, "")
    done = await cli("config", "set", "anthropic", "--key", "sk-other")
    assert done.status == 0
    assert "history" in done.err
    assert "sk-other" not in done.out + done.err
    found = await stored(database, tmp_path)
    assert (found["openai"].api_key, found["anthropic"].api_key) == (KEY, "sk-other")
    await cli("config", "set", "openai", "--no-key")
    assert (await stored(database, tmp_path))["openai"].api_key is None


async def test_at_a_terminal_the_key_is_asked_for_and_not_shown(
    plain_environment, database, database_url, tmp_path
):
    environment = {**plain_environment, "DATABASE_URL": database_url}
    status, seen = await asyncio.to_thread(at_terminal, environment, b"): ", KEY, "config", "set", "gemini")
    assert status == 0, seen
    assert "not shown" in seen
    assert KEY not in seen
    assert (await stored(database, tmp_path))["gemini"].api_key == KEY


def at_terminal(environment, prompt, reply, *arguments):
    """Run a command on a terminal and type `reply` at its prompt. Returns the status and the output."""
    master, slave = os.openpty()
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("daybook")), *arguments],
        env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    seen = b""
    typed = False
    try:
        while select.select([master], [], [], 30)[0]:
            seen += os.read(master, 1024)
            if prompt in seen and not typed:
                os.write(master, reply.encode() + b"\n")
                typed = True
    except OSError:  # how a terminal ends whose program has gone
        pass
    finally:
        process.kill()
        os.close(master)
    return process.wait(), seen.decode()


async def test_what_cannot_be_is_told_in_a_sentence(cli):
    for arguments, given, words in (
        (("main",), None, "--provider"),
        (("main", "--provider", "nobody"), None, "provider"),
        (("Bad Name", "--provider", "openai"), None, "name"),
        (("openai", "--base-url", "https://me:hunter2@example.org"), None, "base_url"),
        (("openai", "--key-stdin"), "", "--key-stdin"),
        (("openai", "--key-stdin"), "hunter2 hunter2\n", "api_key"),
        (("demo", "--provider", "openai"), None, "demo"),
    ):
        done = await cli("config", "set", *arguments, input=given)
        assert (done.status, done.out) == (1, ""), arguments
        assert words in done.err
        assert "hunter2" not in done.err
        assert len(done.err.splitlines()) == 1
