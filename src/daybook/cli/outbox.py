"""`daybook outbox`: events between components of Daybook."""

from enum import StrEnum
from typing import Annotated

import typer

from daybook.cli.options import Json
from daybook.cli.output import cell, print_json, print_result, print_table
from daybook.cli.work import checked, read, write

app = typer.Typer(help="Events between components: pending, consumed and dead ones.", no_args_is_help=True)


class Status(StrEnum):
    """The state of an event."""

    PENDING = "pending"
    CONSUMED = "consumed"
    DEAD = "dead"


@app.command("list")
def list_events(
    status: Annotated[Status | None, typer.Option(help="Only this state.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this type.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List events, newest first; --json prints them with their payloads."""
    from daybook.ledger.outbox import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.ledger.outbox.schemas import EventFilter  # noqa: PLC0415

    wanted = checked(EventFilter, status=status, type=event_type)
    found = list(read(lambda session: service.event_page(session, wanted, page_size=limit)).list)
    if as_json:
        print_json(found)
        return
    print_table(
        ["id", "published (UTC)", "type", "status", "attempts", "next (UTC)", "key", "error"],
        [
            [
                str(event.id),
                event.created_at,
                event.type if event.version == 1 else f"{event.type} v{event.version}",
                event.status,
                event.attempts,
                event.next_attempt_at if event.status == Status.PENDING else None,
                event.key,
                cell(event.error, 80),
            ]
            for event in found
        ],
        empty="No events.",
    )


@app.command()
def retry(
    event_id: Annotated[int | None, typer.Argument(min=1, max=2**63 - 1, metavar="[ID]")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Every dead event.")] = False,
    as_json: Json = False,
) -> None:
    """Retry one event, or every dead one.

    A worker takes it within a second.
    """
    if (event_id is None) != dead:
        raise typer.BadParameter("give an ID, or --dead for every dead event")
    from daybook.ledger.outbox import service  # noqa: PLC0415

    if event_id is None:
        count = write(service.retry_dead)
        sentence = "No event is dead." if count == 0 else f"Dead events that will be retried: {count}."
        print_result({"retried": count}, sentence, as_json=as_json)
        return
    event = write(lambda session: service.retry(session, event_id))
    print_result(event, f"Event {event.id} will be retried.", as_json=as_json)
