"""What an address says is text, or it is refused: no two addresses mean the same by what they lack."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.web.shop import client_of
from twofold import App, Command, Module, Query

pytestmark = pytest.mark.anyio
MARK = "\ufffd"
REFUSED = {"rule": "encoding", "message": "this is to be UTF-8, percent-encoded"}

shows = Module("shows")


@dataclass(frozen=True, kw_only=True)
class Book(Command[str]):
    show: str
    seat: str


@dataclass(frozen=True, kw_only=True)
class FindShows(Query[str]):
    title: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SeeShow(Query[str]):
    show: str


@dataclass(frozen=True, kw_only=True)
class SeePlan(Query[str]):
    hall: str


@shows.handler(path="/shows/{show}/seats/{seat}", method="POST")
async def book(command: Book) -> str:
    return f"{command.show} {command.seat}"


@shows.handler(path="/shows/{show}")
async def see_show(query: SeeShow) -> str:
    return f"see {query.show}"


@shows.handler(path="/halls/{hall:path}/plan")
async def see_plan(query: SeePlan) -> str:
    return f"plan of {query.hall}"


@shows.handler
async def find_shows(query: FindShows) -> str:
    return " ".join((query.title, *query.tags))


@pytest.fixture
def app() -> App:
    return App("shows", modules=[shows], database="memory:")


@pytest.fixture
def web(app: App) -> FastAPI:
    web: FastAPI = app.http()
    return web


@pytest.fixture
async def client(app: App, web: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with client_of(app, web) as client:
        yield client


def refused(answer: httpx.Response) -> list[str]:
    """The fields that are refused, each for that reason."""
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["code"]) == (400, "invalid"), answer.text
    assert all(REFUSED.items() <= error.items() for error in document["errors"])
    return [error["field"] for error in document["errors"]]


@pytest.mark.parametrize(
    "path, fields",
    [
        ("/shows/%ff/seats/1", ["show"]),
        ("/shows/%fe/seats/1", ["show"]),
        ("/shows/a%c3/seats/%ED%A0%80", ["show", "seat"]),
        ("/shows/%EF%BF%BD/seats/a%C0%AF", ["seat"]),
        ("/shows/%EF%BF%BD/seats/%ff", ["show", "seat"]),
        ("/shows/100%/seats/1", ["show"]),
        ("/shows/%25zz/seats/%zz", ["show", "seat"]),
        ("/shows/a%2%35/seats/1", ["show"]),
    ],
)
async def test_a_path_that_is_no_text_is_refused(client: httpx.AsyncClient, path: str, fields: list[str]) -> None:
    """With the name of the field; where one says what the other has lost, with the names of both."""
    assert refused(await client.post(path)) == fields


@pytest.mark.parametrize(
    "query, fields",
    [
        ("title=%ff", ["title"]),
        ("title=caf%e9&tags=a", ["title"]),
        ("tags=a&tags=%ED%A0%80", ["tags"]),
        ("title=%EF%BF%BD&tags=%fe", ["tags"]),
        ("title=%C0&tags=%C1", ["title", "tags"]),
        ("ti%fftle=%61", ["ti%FFtle"]),
        ("title=%zz&tags=%25zz&tags=a", ["title"]),
        ("tags=100%&title=%4", ["tags", "title"]),
        ("ti+%25%tle=a", ["ti %%tle"]),
    ],
)
async def test_a_parameter_that_is_no_text_is_refused(client: httpx.AsyncClient, query: str, fields: list[str]) -> None:
    """With its name, which is told as it can be sent where it is no text either."""
    assert refused(await client.get(f"/queries/find_shows?{query}")) == fields


async def test_the_mark_of_what_was_lost_can_be_said(client: httpx.AsyncClient) -> None:
    """U+FFFD is a character as any other, for who sends it."""
    booked = await client.post("/shows/%EF%BF%BD/seats/%C3%A9")
    found = await client.get("/queries/find_shows?title=%EF%BF%BD&tags=%C3%A9+%F0%9F%8E%AD")
    assert (booked.status_code, booked.json()) == (200, f"{MARK} é")
    assert (found.status_code, found.json()) == (200, f"{MARK} é 🎭")


@pytest.mark.parametrize(
    "path, answer",
    [
        ("/shows/a%2Fb", "see a/b"),
        ("/shows/%2f%2F", "see //"),
        ("/shows/a%2Fseats%2F1", "see a/seats/1"),
        ("/shows/a%252Fb", "see a%2Fb"),
        ("/halls/a/b%2Fc/plan", "plan of a/b/c"),
    ],
)
async def test_a_slash_can_be_a_part_of_a_field(client: httpx.AsyncClient, path: str, answer: str) -> None:
    """Percent-encoded it is no separator, whatever is offered below the path that it would lead to."""
    found = await client.get(path)
    assert (found.status_code, found.json()) == (200, answer)


async def test_what_is_no_separator_separates_nothing(client: httpx.AsyncClient) -> None:
    """It belongs to the field that it is in, and what is left does not lead anywhere."""
    booked = await client.post("/shows/a%2Fb/seats/c%2Fd")
    assert (booked.status_code, booked.json()) == (200, "a/b c/d")
    assert (await client.post("/shows/a%2Fseats/1")).status_code == 404
    assert (await client.post("/shows/a%2Fseats%2F1")).status_code == 405
    assert (await client.get("/shows/a/seats")).status_code == 404


async def test_below_a_prefix_a_slash_can_be_a_part_of_a_field(app: App, web: FastAPI) -> None:
    """The path is what is behind the prefix, as for all else."""
    outer = FastAPI()
    outer.mount("/club", web)
    async with client_of(app, outer) as client:
        found = await client.get("/club/shows/a%2Fb")
    assert (found.status_code, found.json()) == (200, "see a/b")


async def test_a_percent_sign_can_be_said(client: httpx.AsyncClient) -> None:
    """Written as it is to be written."""
    booked = await client.post("/shows/100%25/seats/%25zz")
    found = await client.get("/queries/find_shows?title=%25zz&tags=100%25")
    assert (booked.status_code, booked.json()) == (200, "100% %zz")
    assert (found.status_code, found.json()) == (200, "%zz 100%")


async def test_a_path_is_taken_as_it_is_where_its_bytes_are_not_told(app: App, web: FastAPI) -> None:
    """A server need not say which bytes were sent (`raw_path` of ASGI): then there is no telling what was lost."""

    async def without(scope: Any, receive: Any, send: Any) -> None:
        scope.pop("raw_path")
        await web(scope, receive, send)

    transport = httpx.ASGITransport(without)
    async with app, httpx.AsyncClient(transport=transport, base_url="http://shows") as client:
        answer = await client.post("/shows/%ff/seats/1")
        parted = await client.post("/shows%2Fa/seats/1")
    assert (answer.status_code, answer.json()) == (200, f"{MARK} 1")
    assert (parted.status_code, parted.json()) == (200, "a 1")
