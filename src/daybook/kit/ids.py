"""Ids as people send them. What the column cannot hold is refused with words, before the database sees it."""

from typing import Annotated

from annotated_types import Ge, Le

RowId = Annotated[int, Ge(1), Le(2**31 - 1)]
"""The id of a row whose column is INTEGER."""

BigRowId = Annotated[int, Ge(1), Le(2**63 - 1)]
"""The id of a row whose column is BIGINT."""
