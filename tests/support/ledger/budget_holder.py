"""A process that holds and journals, as a gateway does.

    python budget_holder.py DSN OWNER FOLDER CALLS AT_ONCE LARGEST

Each line of its journal is a record: `{"opened": id, "parts": …}` before a call, and after it
`{"closed": id, "parts": …, "tokens": n}`. SIGTERM lets calls end and closes the keeper; SIGKILL leaves what a killed
gateway leaves.
"""

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path
from uuid import uuid4

from daybook.kit.errors import Unavailable
from daybook.ledger.budgets.errors import BudgetReached
from daybook.ledger.budgets.keeper import BudgetKeeper
from daybook.ledger.budgets.terms import Subjects
from support.ledger.budgets import bound

SUBJECTS = Subjects(code_id=1, group_id=2, user_id=3)


class Holder:
    """Many calls at once, until it is told to stop or the calls are used up."""

    def __init__(self, keeper: BudgetKeeper, journal: int, calls: int, largest: int) -> None:
        self.keeper = keeper
        self.journal = journal
        self.calls = calls
        self.largest = largest
        self.stop = asyncio.Event()
        self.parent = os.getppid()

    async def caller(self) -> None:
        while self.calls > 0 and not self.stop.is_set() and os.getppid() == self.parent:
            self.calls -= 1
            most = random.randint(1, self.largest)
            try:
                hold = await self.keeper.hold(SUBJECTS, bound(most, f"0.{most:06}"))
            except (BudgetReached, Unavailable):
                self.write(refused=1)
                await asyncio.sleep(random.uniform(0.02, 0.1))
                continue
            call_id = str(uuid4())
            self.write(opened=call_id, parts=hold.as_json())
            await asyncio.sleep(random.uniform(0, 0.02))
            tokens = random.randint(0, most)
            hold.take(tokens, bound(0, f"0.{tokens:06}").money)
            self.write(closed=call_id, parts=hold.as_json(), tokens=tokens)
            hold.close()

    def write(self, **record: object) -> None:
        os.write(self.journal, json.dumps(record).encode() + b"\n")


async def main(dsn: str, owner: str, folder: str, calls: str, at_once: str, largest: str) -> None:
    keeper = BudgetKeeper(dsn, owner)
    await keeper.start()
    journal = os.open(Path(folder) / owner, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    holder = Holder(keeper, journal, int(calls), int(largest))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, holder.stop.set)
    await asyncio.gather(*(holder.caller() for _ in range(int(at_once))))
    await keeper.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
