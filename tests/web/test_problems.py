"""Every way to fail, as HTTP tells it."""

import logging
import math
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException

from tests.web.shop import SECRET, client_of, crashes, shop_app
from twofold import App, Command, Failure, Module, Refused, Result, Success
from twofold.errors import Classifier, Invalid, KeyConflict, OutcomeUnknown, StoreUnavailable, TimedOut, unavailable
from twofold.web import respond
from twofold.web._problem import Problem, problem_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    app = shop_app()
    async with client_of(app, app.http()) as client:
        yield client


@pytest.mark.parametrize(
    "how,status,code,detail",
    [
        ("plain", 400, "refused", "no more today"),
        ("invalid", 400, "invalid", "that is no sum"),
        ("unauthenticated", 401, "unauthenticated", "who are you?"),
        ("forbidden", 403, "forbidden", "not yours"),
        ("not_found", 404, "not_found", "no such order"),
        ("exists", 409, "exists", "there is one"),
        ("gone", 410, "stream_closed", "stream 'order-1' is closed for good"),
        ("conflict", 409, "version_conflict", "stream 'order-1' was expected at version 1, found 2"),
        ("too_large", 413, "too_large", "the body is larger than 7 bytes"),
        ("unavailable", 503, "unavailable", "come back"),
        ("refused", 400, "refused", "against the rules"),
        ("foreign", 400, "out_of_stock", "no more of these"),
        ("value", 409, "card_declined", "card declined"),
        ("limited", 429, "limited", ""),
        ("corrupt", 500, "internal_error", "something went wrong on this side"),
    ],
)
async def test_the_category_of_an_error_is_its_status(
    client: httpx.AsyncClient, how: str, status: int, code: str, detail: str
) -> None:
    """Each category has one status, and the problem has the error's code and words."""
    answer = await client.post("/commands/fail", json={"how": how})
    document = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert document["type"] == f"/problems/{code}"
    assert document["detail"] == (detail or document["title"])
    assert document["correlation_id"] == answer.headers["x-correlation-id"]
    assert SECRET not in answer.text


async def test_passing_troubles_say_when_to_come_back(client: httpx.AsyncClient) -> None:
    """503 and 429 have Retry-After, in whole seconds and never 0."""
    later = await client.post("/commands/fail", json={"how": "unavailable"})
    limited = await client.post("/commands/fail", json={"how": "limited"})
    assert (later.headers["retry-after"], limited.headers["retry-after"]) == ("3", "1")
    assert "retry-after" not in (await client.post("/commands/fail", json={"how": "plain"})).headers


async def test_unauthenticated_says_how(client: httpx.AsyncClient) -> None:
    """401 carries the challenge that HTTP demands."""
    answer = await client.post("/commands/fail", json={"how": "unauthenticated"})
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("how", ["crash", "corrupt"])
async def test_a_bug_is_logged_once_and_tells_nothing(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """A bug is 500 with a correlation id, which the one log line has too, with the traceback; nothing gets out."""
    with caplog.at_level(logging.ERROR):
        answer = await client.post("/commands/fail", json={"how": how}, headers={"x-correlation-id": "abc"})
    assert (answer.status_code, answer.json()["correlation_id"]) == (500, "abc")
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    (record,) = crashes(caplog.records)
    assert record.exc_info is not None
    assert "abc" in record.getMessage()


class Colour(Enum):
    """An error value that is an Enum."""

    TOO_RED = "too red for us"


class Coded:
    """An error value that says what it is."""

    code = "No Way!"

    def __str__(self) -> str:
        return "no way"


@pytest.mark.parametrize(
    "error,expected",
    [
        (Colour.TOO_RED, Problem(status=400, code="too_red", detail="too red for us")),
        (Coded(), Problem(status=400, code="no_way", detail="no way")),
        (7, Problem(status=400, code="refused", detail="7")),
        (KeyConflict(), Problem(status=409, code="key_conflict", detail="key conflict")),
        (TimedOut("late"), Problem(status=503, code="timed_out", detail="late", retry_after=1.0)),
        (
            OutcomeUnknown(retry_after=9),
            Problem(status=503, code="outcome_unknown", detail="outcome unknown", retry_after=9.0),
        ),
        (
            StoreUnavailable(f"cannot open /{SECRET}"),
            Problem(status=503, code="store_unavailable", detail="temporarily unavailable", retry_after=1.0),
        ),
        (
            ConnectionRefusedError(f"connect to {SECRET}"),
            Problem(status=503, code="unavailable", detail="temporarily unavailable", retry_after=1.0),
        ),
        (Invalid(), Problem(status=400, code="invalid", detail="the message is invalid")),
    ],
)
def test_any_error_value_is_a_problem(error: object, expected: Problem) -> None:
    """Enums, plain values, foreign classes and twofold's own errors all become problems; a store's words do not."""
    assert problem_of(error, Classifier()) == expected


def test_a_foreign_error_may_know_when_to_come_back() -> None:
    """A number of seconds is taken from any error; anything else by that name is not."""

    class Busy(Exception):
        retry_after: object = 5

    classifier = Classifier({Busy: unavailable})
    assert problem_of(Busy(), classifier).retry_after == 5.0
    Busy.retry_after = "soon"
    assert problem_of(Busy(), classifier).retry_after == 1.0


def test_a_problem_is_ascii() -> None:
    """Control and bidirectional characters cannot reach a terminal or a page through a problem."""
    document = problem_of("a\u202eb\n\x1b", Classifier()).document("c")
    assert document.isascii()
    assert b"\n" not in document


async def test_http_errors_of_own_routes_are_problems() -> None:
    """What a route of the served application raises has the same shape, its headers and its detail."""
    app = shop_app()
    web = app.http()

    async def teapot() -> None:
        raise HTTPException(422, "too hot", headers={"x-tea": "green"})

    async def crash() -> None:
        raise ConnectionError(SECRET)

    web.add_api_route("/tea", teapot)
    web.add_api_route("/down", crash)
    async with client_of(app, web) as client:
        tea, down = await client.get("/tea"), await client.get("/down")
    assert (tea.status_code, tea.json()["code"], tea.json()["detail"]) == (422, "unprocessable", "too hot")
    assert tea.headers["x-tea"] == "green"
    assert (down.status_code, down.json()["detail"]) == (503, "temporarily unavailable")


async def test_respond_works_anywhere() -> None:
    """A Result becomes a response without an application too: value, nothing, or problem."""
    web = FastAPI()
    results: dict[str, Result[Any, Any]] = {
        "value": Success({"a": 1}),
        "nothing": Success(),
        "no": Failure(Refused("no")),
    }
    web.add_api_route("/{name}", lambda name: respond(results[name], status=202 if name == "value" else None))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(web), base_url="http://x") as client:
        value, nothing, no = [await client.get(f"/{name}") for name in results]
    assert (value.status_code, value.json()) == (202, {"a": 1})
    assert (nothing.status_code, nothing.content) == (204, b"")
    missing = respond(Success(None), optional=True)
    assert (missing.status_code, b'"code": "not_found"' in missing.body) == (404, True)
    assert respond(Success(0), optional=True).status_code == 200
    assert (no.status_code, no.headers["content-type"]) == (400, "application/problem+json")
    assert no.json()["correlation_id"]


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": -math.inf}])
def test_respond_writes_nothing_but_json(value: object) -> None:
    """Which has no NaN and no infinity: such a value is a bug of its route, as with FastAPI's own responses."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        respond(Success(value))


class SoldOut(Refused):
    """Somebody else has bought the <last> one.

    Not a word of this.
    """


class Unsaid(Refused): ...


@dataclass(frozen=True, kw_only=True)
class Buy(Command[None, SoldOut | Unsaid]):
    how: str


def kiosk() -> App:
    """Has errors of its own."""
    module = Module("kiosk")

    @module.handler
    async def buy(command: Buy) -> Result[None, SoldOut | Unsaid]:
        return Failure(SoldOut() if command.how == "late" else Unsaid())

    return App("kiosk", modules=[module], database="memory:")


async def test_an_error_of_http_that_a_handler_raises_is_a_crash_to_all_but_http(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A message knows nothing of HTTP, so nobody else can tell what its status means."""
    module = Module("kiosk")

    @module.handler
    async def buy(command: Buy) -> None:
        raise HTTPException(418, "tea only")

    app = App("kiosk", modules=[module], database="memory:")
    with caplog.at_level(logging.ERROR, "twofold.message"):
        async with client_of(app, app.http()) as client:
            answer = await client.post("/commands/buy", json={"how": "hot"})
    assert (answer.status_code, answer.json()["detail"]) == (418, "tea only")
    assert caplog.messages == ["command buy crashed"]


async def test_the_type_of_a_problem_can_be_followed() -> None:
    """To a page that says what has happened and what to do, below the prefix too that the application is mounted at."""
    app = kiosk()
    outer = FastAPI()
    outer.mount("/kiosk", app.http())
    async with client_of(app, outer) as client:
        refused = [await client.post("/kiosk/commands/buy", json=body) for body in ({"how": "late"}, {"how": ""}, {})]
        pages = [await client.get(one.json()["type"]) for one in refused]
    assert [page.status_code for page in pages] == [200, 200, 200]
    assert all(page.headers["content-type"] == "text/html; charset=utf-8" for page in pages)
    sold_out, unsaid, invalid = (page.text for page in pages)
    assert "<h1>Sold out</h1>\n<p>HTTP 400, <code>sold_out</code>.</p>" in sold_out
    assert "<p>Somebody else has bought the &lt;last&gt; one.</p>" in sold_out
    assert "Not a word" not in sold_out
    assert "A business rule" not in unsaid
    assert "<p>What to do: Mend the input: <code>errors</code> has each field that is wrong.</p>" in invalid


async def test_what_strangers_may_not_read_has_no_page() -> None:
    """Errors of one's own are told where the API document is; what is no code is a 404, as any other path."""
    for docs, status in ((None, 200), (False, 404)):
        app = kiosk()
        async with client_of(app, app.http(docs=docs)) as client:
            assert (await client.get("/problems/sold_out")).status_code == status
            assert (await client.get("/problems/invalid")).status_code == 200
            nothing = await client.get("/problems/nothing")
            assert (nothing.status_code, nothing.json()["code"]) == (404, "not_found")
