"""Who sends a message, and under which correlation id: from the request's door, and never from what it carries."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from tests.web.shop import client_of, crashes, shop_app, who
from twofold import App, Command, FromContext, Module, Principal, Query, signed_in
from twofold.errors import Unauthenticated, WiringError

pytestmark = pytest.mark.anyio
PASSWORD = "x" * 20
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


async def test_a_correlation_id_goes_through() -> None:
    """A sane id that is sent comes back and is the message's; each other request gets one of its own."""
    app = shop_app()
    async with client_of(app, app.http(authenticate=who), **{"x-user": "ada"}) as client:
        given = await client.post(
            "/commands/change_password", json={"password": PASSWORD}, headers={"x-correlation-id": "abc-1"}
        )
        made = [(await client.get("/health/live")).headers["x-correlation-id"] for _ in range(2)]
    assert given.headers["x-correlation-id"] == "abc-1"
    assert given.json() == "ada None abc-1"
    assert made[0] != made[1]


async def test_a_correlation_id_is_a_label_and_no_right() -> None:
    """Who sends that of another one's request does what is theirs, and stands beside it as who they are."""
    app = shop_app()
    body, sent = {"password": PASSWORD}, {"x-correlation-id": "abc-1"}
    async with client_of(app, app.http(authenticate=who)) as client:
        users = [{"x-user": "ada", "x-tenant": "acme"}, {"x-user": "eve", "x-tenant": "evil"}]
        answers = [await client.post("/commands/change_password", json=body, headers={**one, **sent}) for one in users]
        nobody = await client.post("/commands/change_password", json=body, headers=sent)
        tree = await app.audit.tree("abc-1")
    assert [answer.json() for answer in answers] == ["ada acme abc-1", "eve evil abc-1"]
    assert nobody.status_code == 401
    roots = [(branch.entry.user_id, branch.entry.tenant, branch.entry.causation_id) for branch in tree]
    assert roots == [("ada", "acme", None), ("eve", "evil", None), (None, None, None)]
    assert not any(branch.caused for branch in tree)


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "ä", 'a"\t'])
async def test_an_insane_correlation_id_is_replaced(sent: str) -> None:
    """What could break a log or a header is ignored."""
    app = shop_app()
    async with client_of(app, app.http()) as client:
        answer = await client.get("/health/live", headers=[(b"x-correlation-id", sent.encode())])
    assert answer.headers["x-correlation-id"] not in ("", sent)


async def test_a_trace_goes_through() -> None:
    """A well-formed traceparent reaches the context; another does not."""
    app = shop_app()
    async with client_of(app, app.http()) as client:
        good = await client.post("/commands/promote", headers={"traceparent": TRACE, "tracestate": "a=b"})
        bad = await client.post("/commands/promote", headers={"traceparent": "nonsense"})
        stateless = await client.post("/commands/promote", headers={"traceparent": TRACE, "tracestate": "x" * 600})
    assert [answer.json()["trace"] for answer in (good, bad, stateless)] == [TRACE, None, TRACE]


async def test_what_a_message_carries_is_not_who_sends_it() -> None:
    """A body field that is called `user_id` is data: the context knows only whom the door has let in."""
    app = shop_app()
    web = app.http(authenticate=who)
    async with client_of(app, web) as client:
        nobody = await client.post("/commands/promote", json={"user_id": "root"})
        ada = await client.post("/commands/promote", json={"user_id": "root"}, headers={"x-user": "ada"})
    assert [answer.json()["user_id"] for answer in (nobody, ada)] == [None, "ada"]


async def test_fields_from_the_context_are_filled() -> None:
    """User, tenant and correlation id come from the principal and the request."""
    app = shop_app()
    headers = {"x-user": "ada", "x-tenant": "acme", "x-correlation-id": "abc"}
    async with client_of(app, app.http(authenticate=who), **headers) as client:
        answer = await client.post("/commands/change_password", json={"password": PASSWORD})
    assert answer.json() == "ada acme abc"


@pytest.mark.parametrize("field", ["user_id", "tenant", "trail"])
async def test_fields_from_the_context_cannot_be_sent(field: str) -> None:
    """A client that sends one is refused, whoever it is."""
    app = shop_app()
    async with client_of(app, app.http(authenticate=who), **{"x-user": "ada"}) as client:
        answer = await client.post("/commands/change_password", json={"password": PASSWORD, field: "root"})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": field, "rule": "from_context", "message": "this is filled by the server"}
    ]


async def test_nor_in_an_address() -> None:
    """Of a query that somebody may ask and nobody as well: then the field stays empty."""

    @dataclass(frozen=True, kw_only=True)
    class AskWhose(Query[str | None]):
        user_id: Annotated[str | None, FromContext("user_id")] = None

    module = Module("whose")

    @module.handler
    async def ask_whose(query: AskWhose) -> str | None:
        return query.user_id

    app = App("whose", modules=[module], database="memory:")
    async with client_of(app, app.http(authenticate=who)) as client:
        for headers in ({}, {"x-user": "ada"}):
            refused = await client.get("/queries/ask_whose?user_id=root", headers=headers)
            assert [one["rule"] for one in refused.json()["errors"]] == ["from_context"]
        assert (await client.get("/queries/ask_whose")).status_code == 404
        assert (await client.get("/queries/ask_whose", headers={"x-user": "ada"})).json() == "ada"


async def test_somebody_must_be_logged_in_where_a_field_needs_it() -> None:
    """Without a principal a message that needs one is 401, also where nobody authenticates at all."""
    for authenticate in (who, None):
        app = shop_app()
        async with client_of(app, app.http(authenticate=authenticate)) as client:
            answer = await client.post("/commands/change_password", json={"password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_known_caller_may_lack_a_fact() -> None:
    """Somebody without a tenant is forbidden what needs one: logging in again would not help."""

    @dataclass(frozen=True, kw_only=True)
    class Bill(Command[None]):
        tenant: Annotated[str, FromContext("tenant")]

    billing = Module("billing")

    @billing.handler
    async def bill(command: Bill) -> None: ...

    app = shop_app(billing)
    async with client_of(app, app.http(authenticate=who), **{"x-user": "ada"}) as client:
        without = await client.post("/commands/bill")
        within = await client.post("/commands/bill", headers={"x-tenant": "acme"})
    assert (without.status_code, without.json()["detail"]) == (403, "this needs a tenant")
    assert within.status_code == 204


async def test_an_authenticator_may_refuse() -> None:
    """An error of twofold that it raises is the answer, and the message is never looked at."""

    async def refuse(request: Request) -> Principal | None:
        raise Unauthenticated("this token has expired")

    app = shop_app()
    async with client_of(app, app.http(authenticate=refuse)) as client:
        answer = await client.post(
            "/commands/place_order", content=b"no json", headers={"content-type": "application/json"}
        )
        health = await client.get("/health/live")
    assert (answer.status_code, answer.json()["detail"]) == (401, "this token has expired")
    assert health.status_code == 200


async def test_an_authenticator_whose_user_is_blank_lets_nobody_pass(caplog: pytest.LogCaptureFixture) -> None:
    """What it answers is a bug of its own: a crash in the log, and the message is never handled."""

    async def careless(request: Request) -> Principal | None:
        return Principal(user_id=request.headers.get("x-user", ""), roles=frozenset({"clerk"}))

    @dataclass(frozen=True, kw_only=True)
    class Enter(Command[None]):
        user: Annotated[str, FromContext("user_id")]

    done = list[str]()
    gate = Module("gate")

    @gate.handler(authorize=signed_in)
    async def enter(command: Enter) -> None:
        done.append(command.user)

    app = shop_app(gate)
    async with client_of(app, app.http(authenticate=careless)) as client:
        unknown = await client.post("/commands/enter")
        known = await client.post("/commands/enter", headers={"x-user": "ada"})
    assert (unknown.status_code, known.status_code, done) == (500, 204, ["ada"])
    assert len(crashes(caplog.records)) == 1


async def test_an_authenticator_that_answers_no_principal_lets_nobody_pass(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what it has answered, without the value, which is the client's or a secret; the client does not."""

    async def careless(request: Request) -> Any:
        return "canary"

    app = shop_app()
    async with client_of(app, app.http(authenticate=careless)) as client:
        answer = await client.post("/commands/place_order", json={"customer": "ada"})
        assert (await client.get("/health/live")).status_code == 200
    assert (answer.status_code, "Principal" in answer.text) == (500, False)
    (crash,) = crashes(caplog.records)
    assert crash.exc_info is not None
    assert (
        str(crash.exc_info[1])
        == "authenticate= has answered something of the type str: a Principal, or None for nobody"
    )


class _Door:
    async def __call__(self, request: Request) -> Principal | None:
        return Principal(user_id="ada")


@pytest.mark.parametrize("authenticate", [_Door(), _Door().__call__, partial(who), None])
async def test_an_authenticator_is_whatever_is_awaited(authenticate: Any) -> None:
    """A function, a method, an object, a part of another one, or nobody."""
    assert shop_app().http(authenticate=authenticate) is not None


@pytest.mark.parametrize(
    "authenticate, wrong",
    [
        (5, "is of the type int and cannot be called"),
        ("canary", "is of the type str and cannot be called"),
        (_Door, "is the class _Door, and would be made anew for every request"),
        (lambda request: None, "is no async def, and what it answers is awaited"),
    ],
)
async def test_an_authenticator_of_another_shape_is_refused(authenticate: Any, wrong: str) -> None:
    """When it is said, for every way to serve the application: else each request would be a 500."""
    said = App("shop", database="memory:", authenticate=authenticate)
    ways: list[Callable[[], object]] = [
        partial(shop_app().http, authenticate=authenticate),
        partial(shop_app().attach, FastAPI(), authenticate=authenticate),
        said.http,
        partial(said.attach, FastAPI()),
    ]
    for way in ways:
        with pytest.raises(WiringError) as raised:
            way()
        assert (
            str(raised.value) == f"authenticate= {wrong}: it is `async def authenticate(request) -> Principal | None`"
        )


async def test_an_authenticator_may_read_the_body() -> None:
    """It can check a signature over the very bytes that are parsed afterwards."""
    seen: list[bytes] = []

    async def signed(request: Request) -> Principal | None:
        seen.append(await request.body())
        assert not await request.is_disconnected()
        return Principal(user_id="signer")

    app = shop_app()
    async with client_of(app, app.http(authenticate=signed)) as client:
        answer = await client.post("/commands/place_order", json={"customer": "ada"})
    assert answer.status_code == 201
    assert seen == [answer.request.content]


async def test_every_response_is_stamped() -> None:
    """Correlation id and nosniff are on messages, problems, health, documents and pages that are not there."""
    app = shop_app()
    async with client_of(app, app.http()) as client:
        answers: list[httpx.Response] = [
            await client.get(path)
            for path in ("/queries/find_order?sku=x", "/queries/find_order", "/health/ready", "/docs", "/nowhere")
        ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-correlation-id"]
