"""An application inside a FastAPI application of one's own."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.exceptions import FastAPIError, RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse

from tests.web.shop import (
    SECRET,
    FindOrder,
    OrderPlaced,
    PlaceOrder,
    Promote,
    client_of,
    crashes,
    recorded,
    shop_app,
    who,
)
from twofold import Caller, CommandBus, Context, Dispatcher, EventBus, NotFound, Principal, QueryBus, TwofoldError
from twofold.messages import Origin
from twofold.web import respond

pytestmark = pytest.mark.anyio


async def promote(bus: Annotated[CommandBus, Depends()]) -> Any:
    return (await bus.execute(Promote())).unwrap()


async def dispatch(dispatcher: Annotated[Dispatcher, Depends()]) -> Any:
    direct = (await dispatcher.dispatch(Promote())).unwrap()
    inner = (await dispatcher.commands.execute(Promote())).unwrap()
    found = (await dispatcher.queries.execute(FindOrder(sku="x"))).unwrap()
    return [direct["user_id"], inner["user_id"], found]


async def call(caller: Annotated[Caller, Depends()]) -> Any:
    return (await caller.execute(Promote())).unwrap()


async def find(bus: Annotated[QueryBus, Depends()], sku: str) -> Response:
    return respond(await bus.execute(FindOrder(sku=sku)))


async def publish(bus: Annotated[EventBus, Depends()]) -> Response:
    return respond(await bus.publish(OrderPlaced(customer="ada")))


def blocking(bus: Annotated[CommandBus, Depends()]) -> Any:
    return bus.sync.execute(Promote()).unwrap()


async def test_buses_are_the_applications_own() -> None:
    """`Depends()` on each bus gives it with the caller of the request; nothing else needs to be said."""
    app, web = shop_app(), FastAPI()
    app.attach(web, authenticate=who)
    routes: list[Callable[..., Any]] = [promote, dispatch, call, find, blocking]
    for route in routes:
        web.add_api_route(f"/{route.__name__}", route)
    web.add_api_route("/publish", publish, methods=["POST"])
    async with client_of(app, web, **{"x-user": "ada"}) as client:
        assert (await client.get("/promote")).json()["user_id"] == "ada"
        assert (await client.get("/dispatch")).json() == ["ada", "ada", {"sku": "x", "quantity": 1}]
        assert (await client.get("/call")).json()["user_id"] == "ada"
        assert (await client.get("/find", params={"sku": "x"})).json() == {"sku": "x", "quantity": 1}
        assert (await client.get("/blocking")).json()["user_id"] == "ada"
        published = await client.post("/publish", headers={"x-correlation-id": "abc"})
        assert published.status_code == 204
        (entry,) = await recorded(app)
    assert (entry.headers["user_id"], entry.headers["correlation_id"]) == ("ada", "abc")


async def tell(name: str, who: Annotated[Principal, Depends()]) -> Any:
    return [name, who.user_id, who.tenant, sorted(who.roles)]


FORGED: dict[str, Any] = {"user_id": "root", "tenant": "all", "roles": ["admin"]}


@pytest.mark.parametrize("attaches", [True, False])
@pytest.mark.parametrize(
    "sent",
    [
        {"params": {"name": "x", **FORGED}},
        {"params": {"name": "x"}, "json": FORGED},
        {"params": {"name": "x"}, "json": FORGED["roles"]},
        {"params": {"name": "x", **FORGED}, "json": {**FORGED, "who": FORGED}},
    ],
)
async def test_nobody_says_who_they_are(sent: dict[str, Any], attaches: bool) -> None:
    """A route that asks for the Principal has the one that was authenticated, whatever a client sends; nobody is a 401.

    What it sends is not even looked for, so none of it is in the API document.
    """
    app = shop_app()
    web: FastAPI = FastAPI() if attaches else app.http(authenticate=who)
    if attaches:
        app.attach(web, authenticate=who)
    web.add_api_route("/me", tell, methods=["POST"])
    async with client_of(app, web) as client:
        nobody = await client.post("/me", **sent)
        ada = await client.post("/me", headers={"x-user": "ada", "x-tenant": "north"}, **sent)
        document = (await client.get("/openapi.json")).json()["paths"]["/me"]["post"]
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    assert ada.json() == ["x", "ada", "north", []]
    assert [one["name"] for one in document["parameters"]] == ["name"]
    assert "requestBody" not in document


async def test_where_nothing_is_attached_there_is_nobody() -> None:
    """An application that nobody has told who authenticates makes no Principal out of a request."""
    web = FastAPI()
    web.add_api_route("/me", tell)
    transport = httpx.ASGITransport(web, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.request("GET", "/me", params={"name": "x", **FORGED}, json=FORGED)
    assert answer.status_code == 500


@pytest.mark.parametrize("wanted", [Origin, Context])
def test_nothing_else_says_it_either(wanted: type) -> None:
    """What holds who a message comes from is no dependency: the route is refused where it is declared."""

    def route(given: Any) -> None: ...

    route.__annotations__["given"] = Annotated[wanted, Depends()]
    with pytest.raises(FastAPIError):
        FastAPI().add_api_route("/me", route)


async def test_an_event_of_a_dispatcher_has_the_caller() -> None:
    """An event that is dispatched in a request is recorded with who sent it."""
    app, web = shop_app(), FastAPI()
    app.attach(web, authenticate=who)

    @web.post("/")
    async def tell(dispatcher: Annotated[Dispatcher, Depends()]) -> Response:
        return respond(await dispatcher.dispatch(OrderPlaced(customer="bob")))

    async with client_of(app, web, **{"x-user": "ada"}) as client:
        assert (await client.post("/")).status_code == 204
        (entry,) = await recorded(app)
    assert entry.headers["user_id"] == "ada"


async def test_an_origin_may_be_given() -> None:
    """Whoever names another origin is heard."""
    app, web = shop_app(), FastAPI()
    app.attach(web, authenticate=who)

    @web.get("/")
    async def other(bus: Annotated[CommandBus, Depends()]) -> Any:
        return (await bus.execute(Promote(), origin=app.caller(user_id="job").origin)).unwrap()

    async with client_of(app, web, **{"x-user": "ada"}) as client:
        assert (await client.get("/")).json()["user_id"] == "job"


async def test_overrides_of_tests_are_respected() -> None:
    """A fake that a test puts in the place of a bus stays; when a test clears the overrides, the buses come back."""
    app, web = shop_app(), FastAPI()
    app.attach(web)
    web.add_api_route("/", promote)

    async def promoted(command: Promote) -> dict[str, str]:
        return {"user_id": "fake"}

    fake = CommandBus()
    fake.register(Promote, promoted)
    web.dependency_overrides[CommandBus] = lambda: fake
    async with client_of(app, web) as client:
        assert (await client.get("/")).json()["user_id"] == "fake"
        web.dependency_overrides.clear()
        assert (await client.get("/")).json()["user_id"] is None
        del web.dependency_overrides[CommandBus]
        web.dependency_overrides |= {len: len, print: print}
        assert (await client.get("/")).json()["user_id"] is None
        web.dependency_overrides = {}
        assert (await client.get("/")).json()["user_id"] is None


async def test_errors_become_problems(caplog: pytest.LogCaptureFixture) -> None:
    """Twofold's errors, classified ones, FastAPI's findings and bugs are problems; FastAPI's own errors stay."""
    app, web = shop_app(), FastAPI()
    app.attach(web)
    caller: list[Any] = [NotFound("no such order"), ConnectionError(SECRET), KeyError(SECRET)]

    @web.get("/{number}")
    async def raise_it(number: int) -> None:
        raise caller[number]

    @web.get("/")
    async def unhandled(bus: Annotated[CommandBus, Depends()]) -> None:
        (await bus.execute(object())).unwrap()

    async with client_of(app, web) as client:
        answers = [await client.get(path) for path in ("/0", "/1", "/2", "/x", "/", "/none/such")]
        document = (await client.get("/openapi.json")).json()
    assert [answer.status_code for answer in answers] == [404, 503, 500, 400, 500, 404]
    assert answers[3].json()["errors"][0]["field"] == "number"
    assert answers[5].json() == {"detail": "Not Found"}
    assert SECRET not in "".join(answer.text for answer in answers)
    assert [record.getMessage().rpartition(" ")[2] for record in crashes(caplog.records)] == [
        "KeyError",
        "HandlerNotFoundError",
    ]
    assert "422" not in document["paths"]["/{number}"]["get"]["responses"]


async def test_own_error_handlers_stay() -> None:
    """What one's own application handles already is left to it."""

    async def own(request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"own {type(error).__name__}", status_code=418)

    app = shop_app()
    web = FastAPI(exception_handlers={TwofoldError: own, RequestValidationError: own})
    app.attach(web)

    @web.get("/{number}")
    async def raise_it(number: int) -> None:
        raise NotFound("no")

    async with client_of(app, web) as client:
        texts = [(await client.get(path)).text for path in ("/1", "/x")]
    assert texts == ["own NotFound", "own RequestValidationError"]


async def test_half_a_response_is_broken_off() -> None:
    """A crash after the response began reaches the server, which can only drop the connection."""
    app, web = shop_app(), FastAPI()
    app.attach(web)

    async def torn() -> AsyncIterator[bytes]:
        yield b"half"
        raise KeyError(SECRET)

    @web.get("/")
    async def stream() -> Response:
        return StreamingResponse(torn())

    async with client_of(app, web) as client:
        with pytest.raises(KeyError):
            await client.get("/")


async def test_a_web_socket_gets_the_buses_too() -> None:
    """Dependencies work for web sockets; nothing of HTTP is done to them."""
    app = shop_app()
    web: FastAPI = app.http(authenticate=who)

    @web.websocket("/")
    async def talk(socket: WebSocket, bus: Annotated[CommandBus, Depends()]) -> None:
        await socket.accept()
        await socket.send_json((await bus.execute(Promote())).unwrap())

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/",
        "headers": [(b"x-user", b"ada")],
        "query_string": b"",
        "subprotocols": [],
    }
    async with app:
        await web(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]
    assert '"user_id":"ada"' in sent[1]["text"]


async def test_routes_of_a_served_application_get_the_buses() -> None:
    """What `attach` gives is there in what `http` makes, so that routes of one's own can be added."""
    app = shop_app()
    web = app.http()
    web.add_api_route("/promote", promote)
    web.add_api_route("/json", lambda: JSONResponse({"a": 1}))
    async with client_of(app, web) as client:
        assert (await client.get("/promote")).status_code == 200
        assert (await client.get("/json")).json() == {"a": 1}


async def test_a_command_of_a_route_commits() -> None:
    """A bus in a route runs the whole pipeline, transaction included."""
    app, web = shop_app(), FastAPI()
    app.attach(web)

    @web.post("/")
    async def place(bus: Annotated[CommandBus, Depends()]) -> Response:
        return respond(await bus.execute(PlaceOrder(customer="ada")), status=201)

    async with client_of(app, web) as client:
        answer: httpx.Response = await client.post("/")
        assert answer.status_code == 201
        assert len(await recorded(app)) == 1
