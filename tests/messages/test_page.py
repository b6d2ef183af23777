"""A page and its arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from twofold.errors import Invalid
from twofold.messages import Page


@given(st.integers(0, 200), st.integers(1, 30))
def test_walking_all_pages_gives_every_item_once(total: int, page_size: int) -> None:
    """`has_next` is the only thing that a client needs to trust."""
    everything = list(range(total))
    seen, number = list[int](), 1
    while True:
        at = (number - 1) * page_size
        page = Page.of(everything[at : at + page_size], total=total, page=number, page_size=page_size)
        seen.extend(page.items)
        if not page.has_next:
            break
        number += 1
    assert seen == everything
    assert number == max(page.pages, 1)


@pytest.mark.parametrize("offset, page", [(0, 1), (9, 1), (10, 2), (15, 2), (20, 3)])
def test_limit_and_offset_become_a_page(offset: int, page: int) -> None:
    """The page that the offset is on."""
    found = Page.slice(["a"], total=25, limit=10, offset=offset)
    assert (found.page, found.page_size, found.pages) == (page, 10, 3)


def test_the_type_of_its_items_may_be_written_out() -> None:
    """On every Python, though a generic class tells what it makes which type that was."""
    page = Page[str](items=("a",), total=1)
    assert page == Page(items=("a",), total=1)


@pytest.mark.parametrize("total, pages", [(0, 0), (1, 1), (10, 1), (11, 2)])
def test_pages_are_counted_up(total: int, pages: int) -> None:
    """A page that is not full is a page."""
    assert Page[int].of([], total=total, page_size=10).pages == pages


@pytest.mark.parametrize(
    "limit, offset, field", [(0, 0, "limit"), (-1, 0, "limit"), (1, -1, "offset"), (0, -1, "limit")]
)
def test_a_slice_must_lie_in_the_list(limit: int, offset: int, field: str) -> None:
    """The finding names the right one of the two."""
    with pytest.raises(Invalid) as raised:
        Page[int].slice([], total=0, limit=limit, offset=offset)
    assert [finding.field for finding in raised.value.findings] == [field]


@pytest.mark.parametrize("page, page_size, field", [(0, 1, "page"), (1, 0, "page_size")])
def test_a_page_must_have_a_number_and_a_size(page: int, page_size: int, field: str) -> None:
    """A size of zero is a finding, not a division by zero later on."""
    with pytest.raises(Invalid) as raised:
        Page[int].of([], total=3, page=page, page_size=page_size)
    assert [finding.field for finding in raised.value.findings] == [field]


def test_a_page_can_be_written_as_json() -> None:
    """With the items and what a client needs to go on."""
    page = Page.of(["a"], total=3, page_size=1)
    assert TypeAdapter(Page[str]).dump_json(page) == b'{"items":["a"],"total":3,"page":1,"page_size":1}'
