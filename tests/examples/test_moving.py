"""The library on its way onto twofold: each stage answers as the one before it did, and leaves the same rows."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, create_engine

from examples._demo.database import Database, PostgresSchema
from examples.moving import after, attached, before, reading, writing
from examples.moving.tables import Base

pytestmark = pytest.mark.anyio


class Place(NamedTuple):
    """A database, as both worlds reach it."""

    engine: Engine
    database: Database


STAGES: dict[str, Callable[[Place], FastAPI]] = {
    "before": lambda place: before.library(place.engine),
    "attached": lambda place: attached.library(place.engine, place.database.address),
    "writing": lambda place: writing.library(place.engine, place.database.address),
    "reading": lambda place: reading.library(place.engine, place.database.address),
    "after": lambda place: after.library(place.database.address),
}
EMMA = {"title": "Emma", "author": "Austen", "copies": 1}
REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/books", EMMA),
    ("POST", "/books", {"title": "Dracula", "author": "Stoker"}),
    ("POST", "/books", {"title": "", "author": "nobody"}),
    ("GET", "/books", None),
    ("GET", "/books?author=Austen", None),
    ("GET", "/books/1", None),
    ("GET", "/books/9", None),
    ("GET", "/books/one", None),
    ("GET", f"/books/{2**70}", None),
    ("POST", "/books", {**EMMA, "copies": 2**70}),
    ("POST", f"/books/{2**70}/loans", {"reader": "ada"}),
    ("DELETE", f"/loans/{2**70}", None),
    ("POST", "/books/1/loans", {"reader": "ada"}),
    ("POST", "/books/1/loans", {"reader": "bob"}),
    ("POST", "/books/9/loans", {"reader": "bob"}),
    ("POST", "/books/2/loans", {}),
    ("POST", "/books/2/loans", {"reader": "bob"}),
    ("GET", "/readers/ada/loans", None),
    ("DELETE", "/loans/1", None),
    ("DELETE", "/loans/1", None),
    ("DELETE", "/loans/9", None),
    ("GET", "/readers/ada/loans", None),
    ("POST", "/books/1/loans", {"reader": "cyd"}),
]


@pytest.fixture
async def place(each_database: Database) -> AsyncIterator[Place]:
    if isinstance(each_database, PostgresSchema):
        url = each_database.url.replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url, connect_args={"options": f"-csearch_path={each_database.name}"})
    else:
        engine = create_engine(f"sqlite:///{each_database.address}")
    yield Place(engine, each_database)
    engine.dispose()


@asynccontextmanager
async def served(stage: str, place: Place) -> AsyncIterator[httpx.AsyncClient]:
    """A stage, running on a database whose tables are there already."""
    Base.metadata.create_all(place.engine)
    api = STAGES[stage](place)
    transport = httpx.ASGITransport(app=api)
    async with (
        api.router.lifespan_context(api),
        httpx.AsyncClient(transport=transport, base_url="http://lib") as client,
    ):
        yield client


async def answers(client: httpx.AsyncClient) -> list[object]:
    """What a stage says to all requests: the body of what is done, and the reason for what is not."""
    found = list[object]()
    for method, path, body in REQUESTS:
        reply = await client.request(method, path, json=body)
        match reply.status_code:
            case 400 | 422:  # FastAPI says 422 where twofold says 400, and names what is wrong otherwise
                found.append("invalid")
            case status if status >= 400:
                found.append((status, reply.json()["detail"]))
            case status:
                found.append((status, reply.json() if reply.content else None))
    return found


async def rows(place: Place) -> list[Sequence[Any]]:
    loans = await place.database.rows("SELECT id, book_id, reader, returned FROM loans ORDER BY id")
    return [tuple(row) for row in [*await place.database.rows("SELECT title FROM books ORDER BY id"), *loans]]


EXPECTED = [
    (201, {"id": 1, **EMMA}),
    (201, {"id": 2, "title": "Dracula", "author": "Stoker", "copies": 1}),
    "invalid",
    (200, [{"id": 2, "title": "Dracula", "author": "Stoker", "copies": 1}, {"id": 1, **EMMA}]),
    (200, [{"id": 1, **EMMA}]),
    (200, {"id": 1, **EMMA}),
    (404, "there is no book 9"),
    *["invalid"] * 5,
    (201, {"id": 1, "book_id": 1, "reader": "ada"}),
    (409, "all copies are lent"),
    (404, "there is no book 9"),
    "invalid",
    (201, {"id": 2, "book_id": 2, "reader": "bob"}),
    (200, [{"id": 1, "book_id": 1, "reader": "ada"}]),
    (204, None),
    (404, "there is no loan 1"),
    (404, "there is no loan 9"),
    (200, []),
    (201, {"id": 3, "book_id": 1, "reader": "cyd"}),
]


@pytest.mark.parametrize("stage", STAGES)
async def test_every_stage_answers_alike_and_leaves_the_same_rows(stage: str, place: Place) -> None:
    """The same requests have the same answers, and the tables hold the same, on either database."""
    async with served(stage, place) as client:
        assert await answers(client) == EXPECTED
    assert await rows(place) == [
        ("Emma",),
        ("Dracula",),
        (1, 1, "ada", True),
        (2, 2, "bob", False),
        (3, 1, "cyd", False),
    ]


async def test_a_loan_that_is_asked_for_twice_is_made_once(place: Place) -> None:
    """At the stage at which lending is a command: the client sends it again under its key, and one copy is away."""
    async with served("writing", place) as client:
        await client.post("/books", json={**EMMA, "copies": 2})
        key = {"Idempotency-Key": "ada-emma"}
        lent = [await client.post("/books/1/loans", json={"reader": "ada"}, headers=key) for _ in range(2)]
    assert [(one.status_code, one.json()["id"]) for one in lent] == [(201, 1), (201, 1)]
    assert await rows(place) == [("Emma",), (1, 1, "ada", False)]


async def test_each_stage_goes_on_where_the_last_one_stopped(place: Place) -> None:
    """One database is taken all the way, and what one stage has lent another one takes back."""
    async with served("before", place) as client:
        assert (await client.post("/books", json=EMMA)).status_code == 201
    for number, stage in enumerate(STAGES, start=1):
        async with served(stage, place) as client:
            if number > 1:
                assert (await client.delete(f"/loans/{number - 1}")).status_code == 204
            assert (await client.post("/books/1/loans", json={"reader": stage})).json()["id"] == number
    assert len(await rows(place)) == 1 + len(STAGES)


async def test_in_the_end_there_is_a_read_model_that_nobody_had(place: Place) -> None:
    """It counts what was lent since, and nothing of what was refused."""
    async with served("after", place) as client:
        await answers(client)
        written = (await client.delete("/loans/2")).headers["Twofold-Position"]
        demand = await client.get("/demand", headers={"Twofold-Position": written, "Twofold-Wait": "10"})
        assert demand.json() == {"1": 2, "2": 1}


@pytest.mark.parametrize("file", ["attached", "writing", "reading", "after"])
def test_the_page_shows_what_runs(file: str) -> None:
    """Its blocks are regions of the files of the example."""
    root = Path(__file__).parents[2]
    source = (root / "examples" / "moving" / f"{file}.py").read_text()
    shown = [
        text for text in (root / "docs" / "moving.md").read_text().split("```python\n")[1:] if f"# {file}.py\n" in text
    ]
    assert shown
    for text in shown:
        head, _, body = text.partition("```")[0].partition("\n")
        assert head == f"# {file}.py"
        for region in body.split("...\n"):
            assert region.strip("\n") in source, region
