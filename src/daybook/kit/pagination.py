"""Pagination: the same shape for every list."""

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict

T = TypeVar("T")

PageNumber = Annotated[int, Ge(1), Le(2**31 - 1)]
PageSize = Annotated[int, Ge(1), Le(200)]


class Page(BaseModel, Generic[T]):
    """One page of a longer list; `page` counts from 1."""

    # Services fill pages with rows, endpoints with schemas.
    model_config = ConfigDict(arbitrary_types_allowed=True)

    list: Sequence[T]
    page: int
    page_size: int
    total: int
    has_more: bool

    @classmethod
    def of(cls, rows: Sequence[T], *, page: int, page_size: int, total: int) -> "Page[T]":
        """Build the page with `rows` out of `total`."""
        return cls(list=rows, page=page, page_size=page_size, total=total, has_more=page * page_size < total)
