"""Commands and queries over HTTP, by convention and by their own doors."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from uuid import UUID, uuid5

import httpx
import pytest

from tests.web.shop import SHELF, client_of, shop_app
from twofold import App, Command, Module, Query

pytestmark = pytest.mark.anyio
ORDER = "00000000-0000-0000-0000-00000000000a"


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    app = shop_app()
    async with client_of(app, app.http()) as client:
        yield client


async def test_a_command_is_posted_to_its_wire_name(client: httpx.AsyncClient) -> None:
    """A command answers with the status of its door, and its value as JSON."""
    answer = await client.post("/commands/place_order", json={"customer": "ada", "lines": [{"sku": "x"}]})
    assert (answer.status_code, UUID(answer.json())) == (201, uuid5(SHELF, "ada"))
    assert answer.headers["content-type"] == "application/json"


async def test_a_query_is_got_by_its_wire_name(client: httpx.AsyncClient) -> None:
    """A query takes its fields as parameters, a list as one that is repeated."""
    answer = await client.get("/queries/find_orders", params={"customer": "ada", "tags": ["a", "b"], "page": 3})
    assert answer.status_code == 200
    assert answer.json() == {
        "items": [{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": 1}],
        "total": 2,
        "page": 3,
        "page_size": 20,
    }


async def test_a_query_with_a_nested_field_is_posted(client: httpx.AsyncClient) -> None:
    """What no URL can hold comes in a body, so such a query is offered by POST, and not by GET."""
    body = {"like": {"sku": "x", "quantity": 7}}
    assert (await client.post("/queries/search_orders", json=body)).json() == 7
    assert (await client.get("/queries/search_orders")).status_code == 405


async def test_a_door_has_its_own_path_and_method(client: httpx.AsyncClient) -> None:
    """Fields in a path fill the message; the rest comes in the body, which may be missing when nothing is required."""
    bare = await client.put(f"/orders/{ORDER}/payment")
    noted = await client.put(f"/orders/{ORDER}/payment", json={"note": "cash"})
    empty = await client.put(f"/orders/{ORDER}/payment", json={})
    assert [bare.status_code, noted.status_code, empty.status_code] == [204, 204, 204]
    assert bare.content == b""
    assert (await client.post("/commands/pay_order")).status_code == 404


async def test_a_command_without_a_body_takes_parameters(client: httpx.AsyncClient) -> None:
    """DELETE fills the message from path and query."""
    answer = await client.delete(f"/orders/{ORDER}", params={"reasons": ["late", "dear"]})
    assert (answer.status_code, answer.json()) == (200, "late,dear")


async def test_a_field_is_never_given_twice(client: httpx.AsyncClient) -> None:
    """A field of the path is refused in body and query, and a single value cannot be repeated."""
    in_body = await client.put(f"/orders/{ORDER}/payment", json={"order_id": ORDER})
    in_query = await client.delete(f"/orders/{ORDER}", params={"order_id": ORDER})
    repeated = await client.get("/queries/find_order", params={"sku": ["a", "b"]})
    rules = [answer.json()["errors"][0]["rule"] for answer in (in_body, in_query, repeated)]
    assert rules == ["from_path", "from_path", "duplicate_parameter"]
    assert {in_body.status_code, in_query.status_code, repeated.status_code} == {400}


async def test_a_query_that_finds_nothing_is_not_found(client: httpx.AsyncClient) -> None:
    """None from a query that may answer None is 404."""
    assert (await client.get("/queries/find_order", params={"sku": "x"})).json() == {"sku": "x", "quantity": 1}
    answer = await client.get("/queries/find_order", params={"sku": "none"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    """Whatever GET offers, HEAD does."""
    assert (await client.head("/queries/find_order", params={"sku": "x"})).status_code == 200


async def test_an_unknown_message_is_not_found_with_a_hint(client: httpx.AsyncClient) -> None:
    """A name that comes near one that is offered is hinted at; a name that does not is not."""
    near = await client.post("/commands/place_oder", json={})
    far = await client.post("/commands/zzz", json={})
    elsewhere = await client.get("/place_order")
    assert near.status_code == 404
    assert near.json()["hint"].startswith("did you mean POST /commands/place_order")
    assert [answer.status_code for answer in (far, elsewhere)] == [404, 404]
    assert "hint" not in far.json()
    assert "hint" not in elsewhere.json()


@pytest.mark.parametrize(
    "method, path, kind, name",
    [
        ("POST", "/commands/place_oder", "command", "place_oder"),
        ("GET", "/queries/find%0Aorder%E2%80%AE", "query", r"find\norder\u202e"),
        ("GET", "/commands/place_order", "command", "place_order"),
        ("POST", f"/commands/{'x' * 1000}", "command", "x" * 80),
        ("POST", f"/commands/{'%0A' * 1000}", "command", r"\n" * 80),
    ],
)
async def test_an_unknown_message_leaves_a_line(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, method: str, path: str, kind: str, name: str
) -> None:
    """With what it was called, cut and made safe, and the correlation id that the client was told."""
    with caplog.at_level("INFO", logger="twofold.web"):
        answer = await client.request(method, path, headers={"x-correlation-id": "abc"})
    (record,) = caplog.records
    facts = vars(record)["twofold"]
    assert (facts["kind"], facts["message"], facts["status"]) == (kind, name, answer.status_code)
    assert (facts["correlation_id"], answer.json()["correlation_id"]) == ("abc", "abc")
    assert record.getMessage() == f"{kind} {name} refused: {answer.json()['code']}"
    assert record.getMessage().isprintable()


async def test_a_path_that_names_no_message_leaves_none(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """What scanners look for would fill the log, and may hold anything."""
    with caplog.at_level("INFO", logger="twofold.web"):
        assert (await client.get("/wp-login.php")).status_code == 404
    assert not caplog.records


async def test_another_method_is_not_allowed(client: httpx.AsyncClient) -> None:
    """405 says which methods are, in its header and in words."""
    answer = await client.post("/queries/find_order")
    assert answer.json()["hint"] == "this is offered by GET"
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["code"] == "method_not_allowed"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_paths_that_look_alike_share_their_methods() -> None:
    """Doors whose paths differ in the names of their fields, or in one being fixed, serve side by side."""
    module = Module("looks")

    @dataclass(frozen=True, kw_only=True)
    class Look(Query[str]):
        name: str

    @dataclass(frozen=True, kw_only=True)
    class Drop(Command[str]):
        thing: str

    @dataclass(frozen=True, kw_only=True)
    class Mine(Query[str]):
        pass

    @module.handler(path="/things/{name}")
    async def look(query: Look) -> str:
        return f"look at {query.name}"

    @module.handler(path="/things/{thing}", method="DELETE")
    async def drop(command: Drop) -> str:
        return f"drop {command.thing}"

    @module.handler(path="/things/mine")
    async def mine(query: Mine) -> str:
        return "mine"

    app = App("looks", modules=[module], database="memory:")
    async with client_of(app, app.http()) as client:
        told = [(await client.get("/things/a")).json(), (await client.get("/things/mine")).json()]
        dropped = [(await client.delete(f"/things/{name}")).json() for name in ("a", "mine")]
        patched = await client.patch("/things/mine")
    assert told == ["look at a", "mine"]
    assert dropped == ["drop a", "drop mine"]
    assert (patched.status_code, patched.headers["allow"]) == (405, "DELETE, GET, HEAD")


async def test_parameters_are_read_strictly(client: httpx.AsyncClient) -> None:
    """Unknown, missing and wrong parameters are refused by name; so are too many of them."""
    wrong = await client.get("/queries/find_orders", params={"page": "x", "colour": "red"})
    many = await client.get("/queries/find_orders", params={"tags": ["x"] * 501})
    assert {(one["field"], one["rule"]) for one in wrong.json()["errors"]} == {
        ("customer", "missing"),
        ("page", "int_parsing"),
        ("colour", "extra_forbidden"),
    }
    assert (many.status_code, many.json()["errors"][0]["rule"]) == (400, "too_many_parameters")
    nothing = await client.get("/queries/find_order")
    assert nothing.json()["errors"][0]["rule"] == "missing"


async def test_get_takes_no_body(client: httpx.AsyncClient) -> None:
    """A body where none is read is refused and not ignored."""
    sized = await client.request("GET", "/queries/find_order", params={"sku": "x"}, json={"sku": "y"})
    assert (sized.status_code, sized.json()["code"]) == (400, "invalid")


async def test_two_requests_with_a_slash_too_many_are_sent_on(client: httpx.AsyncClient) -> None:
    """A slash at the end is redirected, as everywhere in FastAPI."""
    answer = await client.get("/queries/find_order/", params={"sku": "x"})
    assert answer.status_code == 307
