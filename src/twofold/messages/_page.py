"""A page of a longer list, and the arithmetic that goes with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from twofold.errors import Invalid

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, kw_only=True)  # with slots, `Page[int](...)` raises a TypeError on Python 3.11
class Page(Generic[T]):
    """Some of the items of a longer list, with the total.

    Args:
        items: The items of this page, in the list's order.
        total: How many items there are on all pages.
        page: The number of this page, from 1.
        page_size: How many items a full page has.

    Raises:
        Invalid: The page or its size is below 1.
    """

    items: tuple[T, ...]
    total: int
    page: int = 1
    page_size: int = 20

    def __post_init__(self) -> None:
        if self.page < 1:
            raise Invalid("page must be at least 1", field="page")
        if self.page_size < 1:
            raise Invalid("page_size must be at least 1", field="page_size")

    @staticmethod
    def of(items: Sequence[U], *, total: int, page: int = 1, page_size: int = 20) -> "Page[U]":
        """A page from items that were fetched by page number."""
        return Page(items=tuple(items), total=total, page=page, page_size=page_size)

    @staticmethod
    def slice(items: Sequence[U], *, total: int, limit: int, offset: int = 0) -> "Page[U]":
        """A page from items that were fetched by limit and offset.

        Raises:
            Invalid: The limit is below 1 or the offset below 0.
        """
        if limit < 1:
            raise Invalid("limit must be at least 1", field="limit")
        if offset < 0:
            raise Invalid("offset must be at least 0", field="offset")
        return Page(items=tuple(items), total=total, page=offset // limit + 1, page_size=limit)

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.page_size)

    @property
    def has_next(self) -> bool:
        """Whether a page follows this one."""
        return self.page < self.pages
