"""`daybook config`: provider configurations."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daybook.cli.options import Json
from daybook.cli.output import print_json, print_result, print_table
from daybook.cli.work import checked, read, read_settings, work, write
from daybook.kit.errors import Invalid

if TYPE_CHECKING:
    from daybook.db.engine import Database, WriteSession
    from daybook.gateway.providers.schemas import ConfigCreate, ConfigResponse, ProbeResponse

app = typer.Typer(help="Configurations of the providers of model calls.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME")]


@app.command("set")
def set_config(
    name: Name,
    provider: Annotated[
        str | None,
        typer.Option(help="openai, azure_openai, anthropic, gemini or openai_compatible; default: NAME."),
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Default: the provider's own.")] = None,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from standard input.")] = False,
    key: Annotated[
        str | None, typer.Option(help="The key; safer: the prompt, DAYBOOK_KEY or standard input.")
    ] = None,
    no_key: Annotated[bool, typer.Option("--no-key", help="The provider needs no key.")] = False,
    models: Annotated[
        str | None, typer.Option(help="Names and patterns, separated by commas: gpt-4o,gpt-5*; * for all.")
    ] = None,
    priority: Annotated[int | None, typer.Option(help="Lower is tried first (100).")] = None,
    weight: Annotated[
        int | None, typer.Option(help="Share of calls among configurations of the same priority (1).")
    ] = None,
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Use it for calls or not.")
    ] = None,
    api_version: Annotated[str | None, typer.Option(help="Azure's api-version.")] = None,
    as_json: Json = False,
) -> None:
    """Create or change a configuration.

    Of an existing one, only the given options change.
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
    state = "It has a key." if config.has_key else "It has no key."
    sentence = f"Configuration {config.name} is stored: {config.base_url}. {state}"
    print_result(config, f"{sentence}\nTest it: daybook config test {config.name}", as_json=as_json)


@app.command("list")
def list_configs(as_json: Json = False) -> None:
    """List the configurations in the order of their use."""
    from daybook.gateway.providers import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.gateway.providers.vault import Vault  # noqa: PLC0415

    found = read(lambda session: service.list_configs(session, Vault.of(read_settings())))
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
    """Test a configuration by listing the provider's models.

    Exit code 1 if the provider is unreachable or rejects the key.
    """
    found = work(lambda database: _probe(database, name))
    if as_json:
        print_json(found)
    else:
        print(found.message)
        if found.missing_models:
            print(f"Models that it does not list: {_few(found.missing_models)}")
    raise typer.Exit(0 if found.ok else 1)


@app.command()
def delete(name: Name, as_json: Json = False) -> None:
    """Delete a configuration and its key. Its call logs stay."""
    from daybook.gateway.providers import service  # noqa: PLC0415

    async def delete_by_name(session: "WriteSession") -> None:
        await service.delete_config(session, await service.config_id_of(session, name))

    write(delete_by_name)
    print_result({"deleted": name}, f"Configuration {name} is deleted.", as_json=as_json)


def _given_key(key: str | None, *, from_stdin: bool) -> str | None:
    if from_stdin:
        text = sys.stdin.readline().strip()
        if not text:
            raise Invalid("--key-stdin: standard input is empty.")
        return text
    if key is not None:
        print(
            "daybook: a key on the command line is visible in the shell's history and in process lists; "
            "use --key-stdin or DAYBOOK_KEY.",
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
    """The new configuration. On a terminal its key is prompted for."""
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


async def _probe(database: "Database", name: str) -> "ProbeResponse":
    from daybook.gateway.providers import service  # noqa: PLC0415
    from daybook.gateway.providers.probe import probe  # noqa: PLC0415
    from daybook.gateway.providers.vault import Vault  # noqa: PLC0415

    async with database.read() as session:
        config_id = await service.config_id_of(session, name)
        config = await service.load_config(session, Vault.of(read_settings()), config_id)
    return await probe(config)


def _few(models: list[str], most: int = 4) -> str:
    return ", ".join(models[:most]) + (f" and {len(models) - most} more" if len(models) > most else "")
