"""`daybook calls`: the calls through the gateway."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from daybook.cli import calls_export, calls_prune
from daybook.cli.names import config_id_of, group_id_of
from daybook.cli.options import From, Json, To
from daybook.cli.output import cell, print_fields, print_json, print_table, printable
from daybook.cli.work import checked, read

if TYPE_CHECKING:
    from daybook.db.engine import ReadSession
    from daybook.ledger.schemas import CallDetailResponse

app = typer.Typer(help="Calls through the gateway: requests and answers.", no_args_is_help=False)
calls_export.register(app)
calls_prune.register(app)


class Status(StrEnum):
    """The outcome of a call."""

    SUCCESS = "success"
    ERROR = "error"


@app.callback(invoke_without_command=True)
def calls(
    context: typer.Context,
    start: From = None,
    end: To = None,
    config: Annotated[str | None, typer.Option(help="Configuration: name or id.")] = None,
    group: Annotated[str | None, typer.Option(help="Group: name or id.")] = None,
    code: Annotated[str | None, typer.Option(help="Activation code: its public id.")] = None,
    model: Annotated[str | None, typer.Option(help="Model.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only this outcome.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List gateway calls, newest first; --json prints them in full. `daybook calls show ID` shows one."""
    if context.invoked_subcommand is not None:
        return
    wanted = {"activation_code": code, "model": model, "status": status}
    found = read(lambda session: _find(session, start, end, config, group, wanted, limit))
    if as_json:
        print_json(found)
        return
    print_table(
        ["id", "time (UTC)", "api", "model", "status", "tokens", "ms", "code", "asked", "answered"],
        [
            [
                call.id,
                call.call_time,
                call.api,
                cell(call.model, 32),
                call.status,
                call.tokens_used,
                call.duration_ms,
                call.activation_code,
                cell(_last_words(call.request_messages), 32),
                cell(call.response_content if call.status == "success" else call.error_message, 32),
            ]
            for call in found
        ],
        empty="No calls.",
    )


@app.command()
def show(call_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show one call: the full exchange and its line in the ledger.

    ID is the number in the first column, or the call's id from the response header x-daybook-call-id.
    """
    wanted = _number_or_id(call_id)
    from daybook.ledger import service  # noqa: PLC0415  (here and below: see the package's docstring)

    call = read(lambda session: service.call(session, wanted))
    if as_json:
        print_json(call)
        return
    payload = {"request_messages", "request_params", "response_content", "response_data", "line"}
    print_fields((name, getattr(call, name)) for name in type(call).model_fields if name not in payload)
    if call.line is not None:
        print("\nLine in the ledger")
        line = call.line
        print_fields(
            (f"  {name}", getattr(line, name)) for name in type(line).model_fields if name != "metadata"
        )
    for title, value in (
        ("Parameters", call.request_params),
        ("Asked", call.request_messages),
        ("Answered", call.response_content),
        ("Full answer", call.response_data),
    ):
        if value:
            print(f"\n{title}\n{_block(value)}")


def _number_or_id(text: str) -> int | UUID:
    if text.isascii() and text.isdecimal() and 1 <= int(text) < 2**63:
        return int(text)
    try:
        return UUID(text)
    except ValueError:
        raise typer.BadParameter("must be a call's number or its id", param_hint="ID") from None


async def _find(
    session: "ReadSession",
    start: str | None,
    end: str | None,
    config: str | None,
    group: str | None,
    wanted: dict[str, Any],
    limit: int,
) -> "list[CallDetailResponse]":
    from daybook.ledger import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.ledger.schemas import CallFilter  # noqa: PLC0415

    dates = service.date_range(start, end, names=("--from", "--to"))
    call_filter = checked(
        CallFilter,
        config_id=None if config is None else await config_id_of(session, config),
        group_id=None if group is None else await group_id_of(session, group),
        **wanted,
    )
    page = await service.call_page(session, call_filter, dates, page_size=limit)
    return await service.exchanges(session, [call.id for call in page.list])


def _last_words(messages: Any) -> str | None:
    """The last text of a request, in any API's format."""
    match messages:
        case str():
            return messages
        case list() if messages:
            return next((text for part in reversed(messages) if (text := _last_words(part))), None)
        case dict():
            parts = (
                messages.get(name) for name in ("text", "content", "parts", "input", "contents", "messages")
            )
            return next((text for part in parts if (text := _last_words(part))), None)
        case _:
            return None


def _block(value: Any) -> str:
    if isinstance(value, str):
        return printable(value)
    import json  # noqa: PLC0415

    return printable(json.dumps(value, indent=2, ensure_ascii=False))
