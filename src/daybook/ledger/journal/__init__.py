"""What a gateway process promises to record, on disk before the promise is given.

A process appends to a journal of its own (`writer`): `opened` before a byte of a call goes to a provider, `closed`
before the caller can know that the answer is over, `progress` of a stream in between. Another process reads all
journals of the host (`reader`) and ships them to PostgreSQL; it knows a dead writer by its lock.

Invariants:

- A call that a provider may have worked on has an `opened` record.
- A call whose answer was received whole has a `closed` record.
- Records of one journal are in the order in which they were written; only the last one can be torn, and its checksum
  tells.
- A segment is deleted when every call that was opened in it is in PostgreSQL.
"""

from daybook.ledger.journal.format import Kind, Record
from daybook.ledger.journal.reader import JournalReader, clear_away, journals_in
from daybook.ledger.journal.writer import Journal, JournalFull

__all__ = ["Journal", "JournalFull", "JournalReader", "Kind", "Record", "clear_away", "journals_in"]
