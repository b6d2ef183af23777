"""Queries of what a version of a projection has that is not live: unavailable, and no bug; what is a bug stays one."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.app.versions import SUMS, Open, Paid, pay, until_status
from tests.web.shop import client_of
from twofold import App, Module, Query, Rows
from twofold.dispatch import Switch
from twofold.errors import StoreUnavailable, VersionNotLive
from twofold.sql import BlockingReadSession, ReadSession
from twofold.store import Store

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class CountEvents(Query[int | None]):
    pass


@dataclass(frozen=True, kw_only=True)
class CountBlocking(Query[int | None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Ask(Query[int | None]):
    sql: str


queries = Module("queries")


@queries.handler
async def count_events(query: CountEvents, session: ReadSession) -> int | None:
    events: int | None = await session.scalar(select(SUMS[2].c.events))
    return events


@queries.handler
def count_blocking(query: CountBlocking, session: BlockingReadSession) -> int | None:
    events: int | None = session.scalar(select(SUMS[2].c.events))
    return events


@queries.handler(method="POST")
async def ask(query: Ask, session: ReadSession) -> int | None:
    found: int | None = await session.scalar(text(query.sql))
    return found


TABLES = {1: SUMS[1], 2: SUMS[2], 3: SUMS[1]}


def till(version: int, store: Store, switch: Switch = "auto") -> App:
    """The till in a version, with queries of what only the second one has."""
    module, table = Module("till"), TABLES[version]

    @module.projection("sums", tables=[table], version=version, switch=switch)
    class Sums:
        def paid(self, event: Paid, rows: Rows) -> None:
            rows.add(table, {"who": event.who}, total=event.amount, **({"events": 1} if version == 2 else {}))

    return App("till", modules=[module, queries], database=store)


ANSWERED = (CountEvents(), CountBlocking(), Ask(sql="SELECT events FROM sums"))


async def test_what_is_being_built_is_not_there_yet(shared: Open) -> None:
    """It is told which projection and version; the queries that it has no part in are answered, and all are later."""
    async with till(1, shared()) as old:
        await pay(old, 5)
        await old.settle()
    async with till(2, shared(), switch="manual") as new:
        await new.settle()
        for query in ANSWERED:
            error = (await new.execute(query)).error
            assert isinstance(error, VersionNotLive)
            assert (error.name, error.version, error.live) == ("sums", 2, 1)
            assert error.detail == "version 2 of projection 'sums' is not live, and 1 lacks what it has"
            assert isinstance(error.__cause__, DBAPIError)
        assert (await new.execute(Ask(sql="SELECT total FROM sums"))).value == 5
    async with till(2, shared()) as new:
        await new.settle()
        assert [(await new.execute(query)).value for query in ANSWERED] == [1, 1, 1]


async def test_a_client_is_told_when_to_come_again(shared: Open) -> None:
    """By a problem document with a code of its own."""
    async with till(1, shared()) as old:
        await pay(old, 5)
        await old.settle()
    app = till(2, shared(), switch="manual")
    async with client_of(app, app.http()) as client:
        answer = await client.get("/queries/count_events")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (503, "5", "version_not_live")


async def test_what_an_older_process_asks_for_may_be_gone(shared: Open) -> None:
    """Another process has it, or this one is replaced."""
    async with till(2, shared()) as app:
        await pay(app, 5)
        await app.settle()
    async with till(3, shared()) as newer:
        await newer.settle()
        async with till(2, shared()) as app:
            await until_status(app, "sums", "stands aside")
            error = (await app.execute(CountEvents())).error
            assert isinstance(error, VersionNotLive)
            assert (error.version, error.live) == (2, 3)


async def test_a_bug_stays_a_bug(shared: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the version is live; and where it is not, but the statement asks for something else, or nobody can tell."""
    async with till(1, shared()) as app:
        await pay(app, 5)
        await app.settle()
        for sql in ("SELECT evnts FROM sums", "SELECT events FROM sums"):
            with pytest.raises(DBAPIError):
                await app.execute(Ask(sql=sql))
    async with till(2, shared(), switch="manual") as app:
        for sql in ("SELECT events", "SELECT events FROM nowhere"):
            with pytest.raises(DBAPIError):
                await app.execute(Ask(sql=sql))

        async def away(_: Any) -> Any:
            raise StoreUnavailable

        monkeypatch.setattr(type(app.store.checkpoints), "all", away)
        with pytest.raises(DBAPIError):
            await app.execute(CountEvents())
