"""Export of calls: every call log with its line in one flat row.

A cursor of the server reads the rows in batches that shrink with their size, so memory stays the same. All rows are of
one moment.
"""

from daybook.ledger.export.columns import COLUMNS, Column, Kind
from daybook.ledger.export.rows import Wanted, exported_rows
from daybook.ledger.export.writers import JsonLines, write_parquet

__all__ = ["COLUMNS", "Column", "JsonLines", "Kind", "Wanted", "exported_rows", "write_parquet"]
