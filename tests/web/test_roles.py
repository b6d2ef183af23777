"""One side of an application over HTTP: what the other side takes is not there, and it is said who has it."""

from dataclasses import dataclass

import pytest

from tests.web.shop import client_of, shop_module
from twofold import App, Command, Module, Query
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio
PLACE, FIND, PAY = ("POST", "/commands/place_order"), ("GET", "/queries/find_order"), ("PUT", "/orders/1/payment")


def part(role: str) -> App:
    """One part of the shop."""
    app = App("shop", modules=[shop_module()], database=MemoryStore())
    app.use_role(role)
    return app


@pytest.mark.parametrize(
    "role, served, elsewhere",
    [
        ("api-commands", [PLACE, PAY], {FIND: "api-queries"}),
        ("api-queries", [FIND], {PLACE: "api-commands", PAY: "api-commands"}),
        ("worker", [], {PLACE: "api-commands", PAY: "api-commands", FIND: "api-queries"}),
    ],
)
async def test_each_serves_its_own_side(
    role: str, served: list[tuple[str, str]], elsewhere: dict[tuple[str, str], str]
) -> None:
    """The rest is a 404 whose hint names the role; health and numbers are everywhere."""
    app = part(role)
    async with client_of(app, app.http()) as client:
        for method, path in served:
            assert (await client.request(method, path)).status_code in {400, 200}
        for (method, path), owner in elsewhere.items():
            answer = await client.request(method, path)
            assert answer.status_code == 404
            kind = "query" if owner == "api-queries" else "command"
            hint = f"this is a {kind}: it is served by the role {owner}, and this process is {role}"
            assert answer.json()["hint"] == hint
        assert (await client.get("/health/ready")).json()["status"] == "ready"
        assert (await client.get("/metrics")).status_code == 200
        paths = (await client.get("/openapi.json")).json()["paths"]
    described = {path for path in paths if not path.startswith("/health")}
    assert described == {path.replace("/1/", "/{order_id}/") for _, path in served} | {
        path
        for path in ("/orders/{order_id}", "/commands/change_password", "/commands/fail", "/commands/promote")
        if role == "api-commands"
    } | {path for path in ("/queries/find_orders", "/queries/search_orders") if role == "api-queries"}


async def test_a_path_of_both_sides_is_not_a_wrong_method() -> None:
    """A command and a query that share a path are told apart by the method, as ever."""
    module = Module("things")

    @dataclass(frozen=True, kw_only=True)
    class Drop(Command[None]):
        id: int

    @dataclass(frozen=True, kw_only=True)
    class Look(Query[int]):
        id: int

    async def drop(command: Drop) -> None: ...

    async def look(query: Look) -> int:
        return query.id

    module.register(Drop, drop, path="/things/{id}", method="DELETE")
    module.register(Look, look, path="/things/{id}")
    app = App("things", modules=[module], database=MemoryStore())
    app.use_role("api-queries")
    async with client_of(app, app.http()) as client:
        assert (await client.get("/things/7")).json() == 7
        dropped = await client.delete("/things/7")
        assert (dropped.status_code, "api-commands" in dropped.json()["hint"]) == (404, True)
        put = await client.put("/things/7")
        assert (put.status_code, put.headers["allow"]) == (405, "GET, HEAD")
