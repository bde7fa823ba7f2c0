"""`daybook outbox`: events between the parts of Daybook."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from daybook.cli.options import Json
from daybook.cli.output import cell, print_json, print_table
from daybook.cli.work import checked, work

if TYPE_CHECKING:
    from daybook.db.engine import Database
    from daybook.ledger.outbox.schemas import OutboxEventResponse

app = typer.Typer(help="Events between the parts of Daybook: what waits, what is dead.", no_args_is_help=True)


class Status(StrEnum):
    """What became of an event."""

    PENDING = "pending"
    CONSUMED = "consumed"
    DEAD = "dead"


@app.command("list")
def list_events(
    status: Annotated[Status | None, typer.Option(help="What became of it.")] = None,
    event_type: Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Only this type.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """List events, newest first; --json gives each one with its payload."""
    found = work(lambda database: _find(database, status, event_type, limit))
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
    """Try an event again, or every dead one.

    A worker takes it within a second.
    """
    if (event_id is None) != dead:
        raise typer.BadParameter("name one event by its ID, or --dead for all that are dead")
    if event_id is None:
        count = work(_retry_dead)
        if as_json:
            print_json({"retried": count})
        else:
            print("No event is dead." if count == 0 else f"Events that are tried again: {count}.")
        return
    event = work(lambda database: _retry(database, event_id))
    if as_json:
        print_json(event)
    else:
        print(f"Event {event.id} is tried again.")


async def _find(
    database: "Database", status: Status | None, event_type: str | None, limit: int
) -> "list[OutboxEventResponse]":
    from daybook.ledger.outbox import service  # noqa: PLC0415  (here and below: see the package's docstring)
    from daybook.ledger.outbox.schemas import EventFilter  # noqa: PLC0415

    wanted = checked(EventFilter, status=status, type=event_type)
    async with database.read() as session:
        return list((await service.event_page(session, wanted, page_size=limit)).list)


async def _retry(database: "Database", event_id: int) -> "OutboxEventResponse":
    from daybook.ledger.outbox import service  # noqa: PLC0415

    async with database.write() as session:
        return await service.retry(session, event_id)


async def _retry_dead(database: "Database") -> int:
    from daybook.ledger.outbox import service  # noqa: PLC0415

    async with database.write() as session:
        return await service.retry_dead(session)
