"""`daybook config`: the providers that answer model calls."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daybook.cli.options import Json
from daybook.cli.output import print_json, print_table
from daybook.cli.work import checked, read_settings, work
from daybook.kit.errors import Invalid

if TYPE_CHECKING:
    from daybook.db.engine import Database
    from daybook.gateway.providers.schemas import ConfigCreate, ConfigResponse, ProbeResponse

app = typer.Typer(help="The providers that answer model calls.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]


@app.command("set")
def set_config(
    name: Name,
    provider: Annotated[
        str | None,
        typer.Option(
            help="openai, azure_openai, anthropic, gemini or openai_compatible; NAME where it is one."
        ),
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="The provider's own where absent.")] = None,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from standard input.")] = False,
    key: Annotated[
        str | None, typer.Option(help="The key; better asked for, from DAYBOOK_KEY or from standard input.")
    ] = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="The provider wants no key.")] = False,
    models: Annotated[
        str | None, typer.Option(help="Names and patterns, with commas between: gpt-4o,gpt-5*; * for all.")
    ] = None,
    priority: Annotated[int | None, typer.Option(help="Lower is tried first (100).")] = None,
    weight: Annotated[
        int | None, typer.Option(help="How often, among those of the same priority (1).")
    ] = None,
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether it answers calls.")
    ] = None,
    api_version: Annotated[str | None, typer.Option(help="Azure's api-version.")] = None,
    as_json: Json = False,
) -> None:
    """Make a configuration, or change one.

    Of one that is there, only what is given changes.
    """
    values: dict[str, Any] = {
        "provider": provider,
        "base_url": base_url,
        "models": None if models is None else [text.strip() for text in models.split(",")],
        "priority": priority,
        "weight": weight,
        "enabled": enable,
    }
    values = {option: value for option, value in values.items() if value is not None}
    if no_key:
        values["api_key"] = None
    elif (given := _given_key(key, from_stdin=key_stdin)) is not None:
        values["api_key"] = given
    config = work(lambda database: _set(database, name, values, api_version))
    if as_json:
        print_json(config)
    else:
        state = "It has a key." if config.has_key else "It has no key."
        print(f"Configuration {config.name} is stored: {config.base_url}. {state}")
        print(f"Try it: daybook config test {config.name}")


@app.command("list")
def list_configs(as_json: Json = False) -> None:
    """List the configurations in the order in which they are tried."""
    found = work(_all)
    if as_json:
        print_json(found)
        return
    print_table(
        ["name", "provider", "address", "key", "models", "priority", "weight", "enabled", "changed (UTC)"],
        [
            [
                config.name,
                config.provider if config.supported else f"{config.provider} (unknown)",
                config.base_url,
                "unreadable" if config.key_unreadable else config.has_key,
                _few(config.models),
                config.priority,
                config.weight,
                config.enabled,
                config.updated_at,
            ]
            for config in found
        ],
        empty="No provider is configured. Add one: daybook config set openai",
    )


@app.command("test")
def probe_config(name: Name, as_json: Json = False) -> None:
    """Ask the provider for its models.

    Can it be reached, does it take the key? Exit code 1 where not.
    """
    found = work(lambda database: _probe(database, name))
    if as_json:
        print_json(found)
    else:
        print(found.message)
        if found.missing_models:
            print(f"It does not list: {_few(found.missing_models)}")
    raise typer.Exit(0 if found.ok else 1)


@app.command()
def delete(name: Name, as_json: Json = False) -> None:
    """Delete a configuration and its key. Call logs that name it stay."""
    work(lambda database: _delete(database, name))
    if as_json:
        print_json({"deleted": name})
    else:
        print(f"Configuration {name} is deleted.")


def _given_key(key: str | None, *, from_stdin: bool) -> str | None:
    if from_stdin:
        text = sys.stdin.readline().strip()
        if not text:
            raise Invalid("--key-stdin: standard input holds no key.")
        return text
    if key is not None:
        print(
            "daybook: a key on the command line stays in the shell's history and shows among the processes; "
            "--key-stdin and DAYBOOK_KEY do not.",
            file=sys.stderr,
        )
        return key
    return os.environ.get("DAYBOOK_KEY") or None


async def _set(
    database: "Database", name: str, values: dict[str, Any], api_version: str | None
) -> "ConfigResponse":
    from daybook.gateway.providers import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.gateway.providers.schemas import ConfigUpdate  # noqa: PLC0415
    from daybook.gateway.providers.vault import Vault  # noqa: PLC0415

    vault = Vault.of(read_settings())
    async with database.read() as session:
        config_id = await service.find_config_id(session, name)
    if config_id is None:
        new = _new(name, values, api_version)
        async with database.write() as session:
            return await service.create_config(session, vault, new)
    async with database.write() as session:
        if api_version is not None:
            now = await service.get_config(session, vault, config_id)
            values["settings"] = {**now.settings.model_dump(exclude_unset=True), "api_version": api_version}
        return await service.change_config(session, vault, config_id, checked(ConfigUpdate, **values))


def _new(name: str, values: dict[str, Any], api_version: str | None) -> "ConfigCreate":
    """The configuration to make; its key is asked for where somebody sits at a terminal."""
    from daybook.gateway.providers.kinds import PROVIDERS  # noqa: PLC0415
    from daybook.gateway.providers.schemas import ConfigCreate  # noqa: PLC0415

    if name in PROVIDERS:
        values.setdefault("provider", name)
    if "provider" not in values:
        raise Invalid(f"--provider is missing: one of {', '.join(PROVIDERS)}.")
    new = checked(
        ConfigCreate, name=name, settings={"api_version": api_version} if api_version else {}, **values
    )
    if "api_key" not in values and sys.stdin.isatty():
        key = typer.prompt("Key (not shown; empty for none)", hide_input=True, default="", show_default=False)
        return checked(ConfigCreate, name=name, settings=new.settings, **values, api_key=key)
    return new


async def _all(database: "Database") -> "list[ConfigResponse]":
    from daybook.gateway.providers import service  # noqa: PLC0415
    from daybook.gateway.providers.vault import Vault  # noqa: PLC0415

    async with database.read() as session:
        return await service.list_configs(session, Vault.of(read_settings()))


async def _probe(database: "Database", name: str) -> "ProbeResponse":
    from daybook.gateway.providers import service  # noqa: PLC0415
    from daybook.gateway.providers.probe import probe  # noqa: PLC0415
    from daybook.gateway.providers.vault import Vault  # noqa: PLC0415

    async with database.read() as session:
        config_id = await service.config_id_of(session, name)
        config = await service.load_config(session, Vault.of(read_settings()), config_id)
    return await probe(config)


async def _delete(database: "Database", name: str) -> None:
    from daybook.gateway.providers import service  # noqa: PLC0415

    async with database.write() as session:
        await service.delete_config(session, await service.config_id_of(session, name))


def _few(models: list[str], most: int = 4) -> str:
    return ", ".join(models[:most]) + (f" and {len(models) - most} more" if len(models) > most else "")
