"""Ids in requests. An id that its column cannot hold is rejected before the query."""

from typing import Annotated

from annotated_types import Ge, Le

RowId = Annotated[int, Ge(1), Le(2**31 - 1)]
"""The id of an INTEGER column."""

BigRowId = Annotated[int, Ge(1), Le(2**63 - 1)]
"""The id of a BIGINT column."""
