"""Calls for other programs: every call log with its line in one flat row, of any number of calls.

Rows come through a cursor of the server, a few at a time: how many follows from how large they are, so that memory
stays the same whatever is exported. All of them are of one moment.
"""

from daybook.ledger.export.columns import COLUMNS, Column, Kind
from daybook.ledger.export.rows import Wanted, exported_rows
from daybook.ledger.export.writers import JsonLines, write_parquet

__all__ = ["COLUMNS", "Column", "JsonLines", "Kind", "Wanted", "exported_rows", "write_parquet"]
