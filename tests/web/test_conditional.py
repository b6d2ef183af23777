"""Conditional requests of queries, and the links between pages."""

import re
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from tests.web.shelves import shelves_app, viewer
from tests.web.shop import client_of

pytestmark = pytest.mark.anyio
PRIVATE = "private, no-cache"


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    app = shelves_app()
    async with client_of(app, app.http(authenticate=viewer)) as client:
        await client.put("/shelves/a")
        yield client


@pytest.mark.parametrize("path", ["/shelves/a", "/queries/list_pieces"])
async def test_who_has_the_answer_is_not_given_it_again(client: httpx.AsyncClient, path: str) -> None:
    """A 304 without a body while the answer is the same, however the tag is written; the whole answer otherwise."""
    first = await client.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == PRIVATE
    for sent in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = await client.get(path, headers={"If-None-Match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["cache-control"]) == (tag, PRIVATE)
        assert "content-type" not in again.headers
    for sent in ('"x"', tag.strip('"'), ""):
        assert (await client.get(path, headers={"If-None-Match": sent})).json() == first.json()
    assert (await client.head(path, headers={"If-None-Match": tag})).status_code == 304


async def test_another_answer_has_another_tag(client: httpx.AsyncClient) -> None:
    """When it has changed, and when somebody else is shown something else at the same version."""
    tag = (await client.get("/shelves/a")).headers["etag"]
    of_ada = await client.get("/shelves/a", headers={"If-None-Match": tag, "x-user": "ada"})
    assert (of_ada.status_code, of_ada.json()["viewer"]) == (200, "ada")
    assert re.fullmatch(r'"1-[0-9a-f]{24}"', tag)
    assert of_ada.headers["etag"].startswith('"1-')
    await client.post("/shelves/a/pieces")
    assert (await client.get("/shelves/a", headers={"If-None-Match": tag})).json()["pieces"] == 1


async def test_a_tag_without_a_version_is_never_taken_for_one(client: httpx.AsyncClient) -> None:
    """Not even one whose digest has no letter in it: a command that comes with it is a 412."""
    tag = (await client.get("/queries/list_pieces")).headers["etag"]
    assert re.fullmatch(r'"=[0-9a-f]{24}"', tag)
    for sent in (tag, '"=1"'):
        assert (await client.post("/shelves/a/pieces", headers={"If-Match": sent})).status_code == 412


async def test_what_is_no_answer_has_no_tag(client: httpx.AsyncClient) -> None:
    """A problem is kept by nobody, and never a 304."""
    for path in ("/shelves/none", "/queries/list_pieces?page=x", "/queries/nothing"):
        answer = await client.get(path, headers={"If-None-Match": "*"})
        assert answer.status_code in (400, 404)
        assert ("etag" in answer.headers, answer.headers["cache-control"]) == (False, "no-store")


async def test_a_query_by_post_is_answered_whatever_the_client_has(client: httpx.AsyncClient) -> None:
    """A 304 is for what was got."""
    first = await client.post("/queries/search_pieces")
    again = await client.post("/queries/search_pieces", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.json(), "link" in again.headers) == (200, first.json(), False)


def linked(answer: httpx.Response) -> dict[str, Any]:
    """Where the links of a page lead, by what they are."""
    return {str(rel): dict(answer.url.join(str(one["url"])).params) for rel, one in answer.links.items()}


@pytest.mark.parametrize(
    "path, place, steps",
    [("list_pieces", "page", ["1", "2", "3"]), ("slice_pieces", "offset", ["0", "2", "4"])],
)
async def test_pages_lead_to_each_other(client: httpx.AsyncClient, path: str, place: str, steps: list[str]) -> None:
    """Who follows `next` sees every item once, and from each page it is one step back, to the first and to the last."""
    answer, seen, places = await client.get(f"/queries/{path}"), list[int](), [steps[0]]
    while True:
        seen += answer.json()["items"]
        links = linked(answer)
        assert (links["first"][place], links["last"][place]) == (steps[0], steps[-1])
        assert links.get("prev", {}).get(place) == (places[-2] if len(places) > 1 else None)
        if "next" not in links:
            break
        places.append(links["next"][place])
        answer = await client.get(answer.url.join(answer.links["next"]["url"]))
    assert (seen, places) == ([0, 1, 2, 3, 4], steps)


async def test_a_link_has_the_fields_that_were_sent_and_nothing_else(client: httpx.AsyncClient) -> None:
    """Values are written so that they end no link and no line; what is no field is refused, and not repeated."""
    answer = await client.get("/queries/list_pieces", params={"like": ['a>; rel="x"', "b&c\r\n"], "page_size": "1"})
    assert answer.links["next"]["url"] == ("?like=a%3E%3B+rel%3D%22x%22&like=b%26c%0D%0A&page_size=1&page=2")
    refused = await client.get("/queries/list_pieces", params={"debug": "1"})
    assert (refused.status_code, "link" in refused.headers) == (400, False)


async def test_beyond_the_end_it_leads_back(client: httpx.AsyncClient) -> None:
    """To the last page that there is."""
    links = linked(await client.get("/queries/list_pieces", params={"page": 9}))
    assert (links["prev"]["page"], "next" in links) == ("3", False)


async def test_the_document_has_what_may_be_answered(client: httpx.AsyncClient) -> None:
    """The 304, its header, and the links of what comes in pages."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    listed, searched = paths["/queries/list_pieces"]["get"], paths["/queries/search_pieces"]["post"]
    assert {"304", "200"} <= listed["responses"].keys()
    assert {"ETag", "Preference-Applied", "Link"} == listed["responses"]["200"]["headers"].keys()
    assert "If-None-Match" in {one["name"] for one in listed["parameters"]}
    assert ("304" in searched["responses"], "Link" in searched["responses"]["200"]["headers"]) == (False, False)
