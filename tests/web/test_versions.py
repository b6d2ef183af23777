"""`ETag` and `If-Match`: who changes what they have seen says so, and nothing is done if it is another thing by now."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx
import pytest

from examples._demo.database import Database
from tests.web.shelves import shelves_app
from tests.web.shop import client_of
from twofold import Command, Module, Query

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    app = shelves_app()
    async with client_of(app, app.http()) as client:
        assert (await client.put("/shelves/a")).status_code == 201
        yield client


async def test_what_was_seen_is_changed_and_what_has_changed_is_not(client: httpx.AsyncClient) -> None:
    """The tag of an answer is sent back with a command; its response gives out the next one, a stale one is a 412."""
    seen = (await client.get("/shelves/a")).headers["etag"]
    first = await client.post("/shelves/a/pieces", json={"pieces": 2}, headers={"If-Match": seen})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    second = await client.post("/shelves/a/pieces", json={"pieces": 2}, headers={"If-Match": first.headers["etag"]})
    assert (second.status_code, second.headers["etag"]) == (200, '"3"')
    late = await client.post("/shelves/a/pieces", json={"pieces": 2}, headers={"If-Match": seen})
    assert (late.status_code, late.headers["content-type"]) == (412, "application/problem+json")
    assert late.json()["code"] == "precondition_failed"
    assert "etag" not in late.headers
    assert (await client.get("/shelves/a")).json()["pieces"] == 4


async def test_of_many_that_have_seen_one_version_one_changes_it(each_database: Database) -> None:
    """All others are a 412 at once, in every database, however they overlap; no update is lost."""
    app = shelves_app(each_database.address)
    async with client_of(app, app.http()) as client:
        await client.put("/shelves/a")
        seen = (await client.get("/shelves/a")).headers["etag"]
        calls = [client.post("/shelves/a/pieces", headers={"If-Match": seen}) for _ in range(20)]
        statuses = Counter(answer.status_code for answer in await asyncio.gather(*calls))
        assert statuses == {200: 1, 412: 19}
        assert (await client.get("/shelves/a")).json() == {"name": "a", "pieces": 1, "version": 2, "viewer": None}


@pytest.mark.parametrize(
    "sent, status",
    [
        ("*", 200),
        ('"7", "1-abc"', 200),
        ('"7" ,"8"', 412),
        ('W/"1"', 412),
        ('"=1"', 412),
        ('"one"', 412),
        ('"1-x"', 412),
        ("1", 400),
        ('"1', 400),
        ('"1",', 400),
        ("", 400),
    ],
)
async def test_if_match_is_read_as_http_says(client: httpx.AsyncClient, sent: str, status: int) -> None:
    """Any, or one of a list; a weak tag and one of something else never match, and what is no tag is invalid."""
    answer = await client.post("/shelves/a/pieces", headers={"If-Match": sent})
    assert answer.status_code == status
    if status == 400:
        assert [one["field"] for one in answer.json()["errors"]] == ["If-Match"]


async def test_tags_in_several_lines_are_one_list(client: httpx.AsyncClient) -> None:
    """As HTTP has it, wherever a proxy breaks them: the first line counts as much as the last one."""
    for tags, status in ((("1", "9"), 200), (("9", "2"), 200), (("8", "9"), 412)):
        lines = [("If-Match", f'"{tag}"') for tag in tags]
        assert (await client.post("/shelves/a/pieces", headers=lines)).status_code == status
    for name, values in (("If-Match", ("*", '"1"')), ("If-None-Match", ("*", '"1"'))):
        lines = [(name, value) for value in values]
        assert (await client.put("/shelves/b", headers=lines)).status_code == 400


async def test_a_creator_may_ask_that_nothing_is_there(client: httpx.AsyncClient) -> None:
    """`If-None-Match: *` creates once; any other word of it means nothing to a command."""
    only_new = {"If-None-Match": "*"}
    assert (await client.put("/shelves/b", headers=only_new)).headers["etag"] == '"1"'
    assert (await client.put("/shelves/b", headers=only_new)).status_code == 412
    assert (await client.put("/shelves/c", headers={"If-Match": "*"})).status_code == 412
    for headers in ({"If-None-Match": '"1"'}, {"If-None-Match": "*", "If-Match": "*"}):
        assert (await client.put("/shelves/d", headers=headers)).status_code == 400


async def test_a_rule_comes_before_a_version(client: httpx.AsyncClient) -> None:
    """Who would be refused anyway is told that, as HTTP says, and learns nothing of versions."""
    stale = {"If-Match": '"9"'}
    assert (await client.post("/shelves/a/pieces", json={"pieces": 99}, headers=stale)).json()["code"] == "refused"
    assert (await client.post("/shelves/none/pieces", headers=stale)).status_code == 404
    assert (await client.post("/shelves/a/pieces", json={"x": 1}, headers=stale)).status_code == 400


async def test_nobody_guesses_what_a_version_is_of(client: httpx.AsyncClient) -> None:
    """A command about two shelves, or about nothing that has a version, is refused with it and done without."""
    await client.put("/shelves/b")
    moving = {"source": "a", "target": "b"}
    for path, body in (("/commands/move_all", moving), ("/commands/measure", {})):
        refused = await client.post(path, json=body, headers={"If-Match": '"1"'})
        assert (refused.status_code, refused.json()["code"]) == (400, "no_single_version")
        done = await client.post(path, json=body)
        assert done.is_success
        assert "etag" not in done.headers


async def test_what_changes_nothing_has_no_new_version(client: httpx.AsyncClient) -> None:
    """No tag is given out where nothing was recorded, and what is expected counts all the same."""
    done = await client.post("/shelves/a/pieces", json={"pieces": 0}, headers={"If-Match": '"1"'})
    assert (done.status_code, "etag" in done.headers) == (200, False)
    assert (await client.post("/shelves/a/pieces", json={"pieces": 0}, headers={"If-Match": '"2"'})).status_code == 412


def test_a_version_that_an_answer_does_not_have_is_a_fault() -> None:
    """So is one of a command, which has no answer that a version could be of."""

    @dataclass(frozen=True, kw_only=True)
    class Ask(Query[int]):
        """Promises no object."""

    @dataclass(frozen=True, kw_only=True)
    class Do(Command[None]):
        """A command."""

    async def ask(query: Ask) -> int:
        return 1

    async def do(command: Do) -> None: ...

    module = Module("wrong")
    module.register(Ask, ask, version="version")
    module.register(Do, do, version="version")
    app = shelves_app()
    app.mount(module)
    found = [fault for fault in app.http().state.faults() if fault.code == "impossible_route"]
    assert len(found) == 2
    assert "version" in found[0].text
    assert all(fault.hint for fault in found)


async def test_the_document_has_the_headers_where_they_mean_something(client: httpx.AsyncClient) -> None:
    """`If-Match` and 412 of what is about an aggregate, and of nothing else."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    fill, measure = paths["/shelves/{name}/pieces"]["post"], paths["/commands/measure"]["post"]
    assert {"If-Match", "If-None-Match"} <= {one["name"] for one in fill["parameters"]}
    assert ("412" in fill["responses"], "ETag" in fill["responses"]["200"]["headers"]) == (True, True)
    assert "If-Match" not in {one["name"] for one in measure["parameters"]}
    assert ("412" in measure["responses"], "ETag" in measure["responses"]["200"]["headers"]) == (False, False)
    assert "ETag" in paths["/shelves/{name}"]["get"]["responses"]["200"]["headers"]
