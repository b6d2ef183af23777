"""What keeps an application from being served, and how serving starts and stops it."""

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI

from tests.web.bells import bell_handlers
from tests.web.shop import client_of, shop_app
from twofold import App, Caller, Command, CommandBus, Dispatcher, Event, EventBus, Module, Query, QueryBus
from twofold.clock import Clock
from twofold.errors import StartError
from twofold.web import http, resolve

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "handler,options,code,text",
    [
        (
            "tick",
            {"path": "/t/{nme}"},
            "impossible_route",
            "has {nme} in its path, which is no field of bell_handlers",
        ),
        ("tick", {"path": "/t/{by}"}, "impossible_route", "has {by} in its path, and the context fills it"),
        ("tick", {"path": "/t/{line}"}, "impossible_route", "has {line} in its path, which is more than one value"),
        ("tick", {"path": "t"}, "impossible_route", "has the path 't', which does not begin with a slash"),
        ("tick", {"path": "/{name}/{name}"}, "impossible_route", "Duplicated param name name"),
        ("tick", {"path": "/{name:float5}"}, "impossible_route", "Unknown path convertor"),
        ("tick", {"method": "GET"}, "impossible_route", "is a command offered by GET, and a command changes state"),
        ("tick", {"method": "BREW"}, "impossible_route", "is offered by BREW"),
        ("tick", {"status": 302}, "impossible_route", "answers with status 302"),
        (
            "tick",
            {"method": "DELETE"},
            "impossible_route",
            "is offered by DELETE, and no query parameter can hold line",
        ),
        ("tock", {"method": "GET"}, "impossible_route", "is offered by GET, and no query parameter can hold line"),
        ("tick", {"path": "/health/live", "method": "POST"}, "conflicting_route", "which the web itself has"),
        ("aliased", {}, "impossible_route", "fills by from the context, and clients know it by another name"),
        ("opaque", {}, "impossible_route", "cannot be written as JSON: Unable to generate pydantic-core schema for <"),
    ],
)
def test_a_route_that_cannot_be_is_a_fault(handler: str, options: dict[str, Any], code: str, text: str) -> None:
    """A door that asks for what cannot be served keeps the application from starting, and says why."""
    module = Module("bells")
    module.handler(**options)(bell_handlers()[handler])
    app = App("bells", modules=[module], database="memory:")
    assert app.check() == []
    with pytest.raises(StartError) as caught:
        app.http().openapi()
    assert (code, True) in {(fault.code, text in fault.text) for fault in caught.value.faults}, caught.value
    assert all(fault.hint for fault in caught.value.faults), caught.value


async def test_all_faults_are_told_together() -> None:
    """Faults of the application and of all its routes come in one error, before anything is opened."""
    module, handlers = Module("bells"), bell_handlers()
    module.handler(path="/bell/{name}", method="POST")(handlers["tick"])
    module.handler(path="/bell/{line}", method="POST")(handlers["tock"])
    module.handler(path="/bells/{nme}")(handlers["lone"])
    app = App("bells", modules=[module], database="memory:")
    web = app.http()
    with pytest.raises(StartError) as caught:
        async with web.router.lifespan_context(web):
            pass
    assert not app.running
    assert list(caught.value.faults) == web.state.faults()
    codes = [fault.code for fault in caught.value.faults]
    assert codes.count("conflicting_route") == 1
    assert codes.count("impossible_route") == 2
    assert "missing_dependency" in codes


def test_a_parameter_without_annotation_does_not_hide_the_fault_of_a_route() -> None:
    """Nor does it hide that what is answered cannot be written."""

    class Opaque:
        pass

    @dataclass(frozen=True)
    class Ring(Command[None]):
        pass

    @dataclass(frozen=True)
    class Toll(Query[Any]):
        pass

    module = Module("bells")

    @module.handler(path="/bells/{nme}")
    async def ring(command: Ring, thing) -> None: ...  # type: ignore[no-untyped-def]  # the mistake that is told

    @module.handler
    async def toll(query: Toll, thing) -> Opaque:  # type: ignore[no-untyped-def]  # the mistake that is told
        return Opaque()

    app = App("bells", modules=[module], database="memory:")
    with pytest.raises(StartError) as caught:
        app.http().openapi()
    found = {(fault.where.rpartition(".")[2], fault.code) for fault in caught.value.faults}
    assert found == {(name, code) for name in ("ring", "toll") for code in ("untyped_parameter", "impossible_route")}


def test_a_message_without_codec_is_one_fault() -> None:
    """What the application reports already is not reported for the route again."""
    module = Module("bells")
    module.handler(bell_handlers()["unencodable"])
    app = App("bells", modules=[module], database="memory:")
    own = len(app.check())
    with pytest.raises(StartError) as caught:
        app.http().openapi()
    assert len(caught.value.faults) == own > 0


async def test_hidden_handlers_and_events_have_no_route() -> None:
    """Only commands and queries that are not hidden are offered."""
    module = Module("bells")
    module.handler(hidden=True)(bell_handlers()["tick"])

    @dataclass(frozen=True)
    class Rung(Event):
        pass

    @module.on(Rung)
    async def react(event: Rung) -> None: ...

    app = App("bells", modules=[module], database="memory:")
    async with client_of(app, app.http()) as client:
        assert (await client.post("/commands/tick")).status_code == 404
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert set(paths) == {"/health/live", "/health/ready", "/health/workers"}


async def test_the_lifespan_starts_and_stops_the_application() -> None:
    """The served application runs as long as its server, and can be served again."""
    app = shop_app()
    web = app.http()
    for _ in range(2):
        async with web.router.lifespan_context(web):
            assert app.running
            async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://x") as client:
                assert (await client.post("/commands/place_order", json={"customer": "a"})).status_code == 201
        assert not app.running


async def test_an_application_that_runs_already_is_left_running() -> None:
    """Whoever started it stops it."""
    app = shop_app()
    web = app.http()
    async with app:
        async with web.router.lifespan_context(web):
            assert app.running
        assert app.running


async def test_lifespans_compose() -> None:
    """The lifespan of one's own FastAPI application runs inside the application's, and its state stays."""
    app = shop_app()
    seen: list[bool] = []

    @asynccontextmanager
    async def lifespan(web: FastAPI) -> Any:
        seen.append(app.running)
        yield {"answer": 42}
        seen.append(app.running)

    web = FastAPI(lifespan=lifespan)
    app.attach(web)
    async with web.router.lifespan_context(web) as state:
        assert state == {"answer": 42}
    assert seen == [True, True]
    assert not app.running


async def test_a_message_before_the_start_is_unavailable() -> None:
    """While it is not running, the answer is to come back later, and readiness says so too."""
    app = shop_app()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app.http()), base_url="http://x") as client:
        answer = await client.post("/commands/place_order", json={"customer": "a"})
        query = await client.get("/queries/find_order", params={"sku": "x"})
        ready, live = await client.get("/health/ready"), await client.get("/health/live")
        metrics = await client.get("/metrics")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (query.status_code, query.json()["detail"]) == (503, "the application is not running")
    assert (ready.status_code, ready.json()["running"], live.status_code) == (503, False, 200)
    assert metrics.status_code == 200


@pytest.mark.parametrize("wanted", [CommandBus, QueryBus, EventBus, Dispatcher, Caller, resolve(Clock)])
async def test_a_client_that_runs_no_lifespan_is_told_so(wanted: Any) -> None:
    """A route of one's own says that the application is not running, and how to start it; not that it knows nothing."""
    app, api = shop_app(), FastAPI()
    app.attach(api)

    @api.get("/")
    async def route(given: Annotated[Any, Depends(wanted)]) -> bool:
        return given is not None

    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://x") as client:
        refused = await client.get("/")
        assert (refused.status_code, refused.json()["detail"]) == (503, "the application is not running")
        assert "with TestClient(api)" in refused.json()["hint"]
        async with api.router.lifespan_context(api):
            assert (await client.get("/")).json() is True


async def test_a_module_that_is_mounted_later_is_served() -> None:
    """What is mounted between `http` and the start has its routes."""
    app = shop_app()
    web = app.http()
    assert "/commands/tick" not in web.openapi()["paths"]
    module = Module("bells")
    module.handler(bell_handlers()["tick"])
    app.mount(module)
    async with client_of(app, web) as client:
        assert (await client.post("/commands/tick")).status_code == 204
        assert "/commands/tick" in (await client.get("/openapi.json")).json()["paths"]


async def test_it_can_be_mounted_below_a_path() -> None:
    """Under a parent's prefix all routes are found."""
    app = shop_app()
    parent = FastAPI()
    parent.mount("/api", http(app))
    async with client_of(app, parent) as client:
        assert (await client.get("/api/queries/find_order", params={"sku": "x"})).status_code == 200
        assert (await client.put(f"/api/orders/{'0' * 32}/payment")).status_code == 204
        assert (await client.get("/api/queries/find_ordr")).json()["hint"]


async def test_documents_can_be_switched_off() -> None:
    """Without docs there is neither page nor document."""
    app = shop_app()
    async with client_of(app, app.http(docs=False, title="Other")) as client:
        assert [(await client.get(path)).status_code for path in ("/docs", "/openapi.json", "/redoc")] == [404] * 3


async def test_a_fault_is_told_at_once_where_the_application_runs_already() -> None:
    """Nothing will start it any more, so a door that cannot be served is refused when it is asked for."""
    module = Module("bells")
    module.handler(path="/t/{nme}")(bell_handlers()["tick"])
    async with App("bells", modules=[module], database="memory:") as app:
        with pytest.raises(StartError, match="which is no field of"):
            app.http()
