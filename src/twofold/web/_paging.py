"""The pages beside the one that is answered, as links (RFC 8288) that lead from the address which was asked for.

Nothing of an address is repeated but parameters that are fields of the query.
"""

from collections.abc import Collection, Iterator
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, urlencode

from twofold.messages import Page


def links_of(answer: object, query: bytes, fields: Collection[str]) -> list[tuple[bytes, bytes]]:
    """The header `Link` of a page; none of what is no page, or where its query takes neither a page nor an offset.

    Args:
        answer: What is answered.
        query: The query string that it answers, of which every parameter is a field of the query.
        fields: The fields of the query.
    """
    place = "page" if "page" in fields else "offset" if "offset" in fields else None
    if place is None or not _is_page(answer):
        return []
    sent = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in sent if name != place]
    steps = ((rel, number if place == "page" else (number - 1) * answer.page_size) for rel, number in _beside(answer))
    links = ", ".join(f'<?{urlencode([*kept, (place, str(step))])}>; rel="{rel}"' for rel, step in steps)
    return [(b"link", links.encode("ascii"))]


def _is_page(answer: object) -> TypeGuard[Page[Any]]:
    return isinstance(answer, Page)


def _beside(page: Page[Any]) -> Iterator[tuple[str, int]]:
    """The pages that there are beside this one, by what they are to it."""
    last = max(page.pages, 1)
    yield "first", 1
    if page.page > 1:
        yield "prev", min(page.page - 1, last)
    if page.has_next:
        yield "next", page.page + 1
    yield "last", last


LINK_GIVEN = {
    "Link": {
        "description": "The pages beside this one (RFC 8288): `first`, `prev`, `next` and `last`.",
        "schema": {"type": "string"},
    }
}
"""The header, as the API document describes it."""
