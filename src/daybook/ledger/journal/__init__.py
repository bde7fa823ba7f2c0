"""Promises of a gateway process to record its calls, on disk before the promise is given.

A process appends to its own journal (`writer`): `opened` before a byte of a call goes to a provider, `progress` of a
stream, `closed` before the caller can know that the answer has ended. The shipper reads all journals of the host
(`reader`) into PostgreSQL. It detects a dead writer by its lock.

Invariants:

- A call that a provider may have worked on has an `opened` record.
- A call whose answer was received whole has a `closed` record.
- Records of one journal are in the order of their writing; only the last one can be torn, which its checksum shows.
- A segment is deleted when every call that was opened in it is in PostgreSQL.
"""

from daybook.ledger.journal.format import Kind, Record
from daybook.ledger.journal.reader import JournalReader, clear_away, journals_in
from daybook.ledger.journal.writer import Journal, JournalFull

__all__ = ["Journal", "JournalFull", "JournalReader", "Kind", "Record", "clear_away", "journals_in"]
