"""An event loop that never rests stands aside for the thread that writes, and for no longer than that helps."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from contextvars import Context
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest

from twofold.drivers.sqlite import SqliteStore, _aside
from twofold.drivers.sqlite._aside import Aside
from twofold.drivers.sqlite._call import Call
from twofold.testing._store_case import append

pytestmark = pytest.mark.anyio

LONG = 30
Moment: TypeAlias = Callable[[Callable[[], object]], None]


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    """Says what becomes possible when the event loop stands aside, in place of time that passes."""

    def is_for(what: Callable[[], object]) -> None:
        monkeypatch.setattr(_aside, "sleep", lambda _: what())

    return is_for


def held(let_go: threading.Event, _: sqlite3.Connection) -> bool:
    return let_go.wait(LONG)


async def without_rest(task: asyncio.Task[Any]) -> Any:
    """Wait for a task as a handler would that computes, and lets others go on now and then."""
    async with asyncio.timeout(LONG):
        while not task.done():  # noqa: ASYNC110  # it shall not rest
            await asyncio.sleep(0)
    return task.result()


async def test_a_commit_gets_its_moment(store: SqliteStore, path: Path, moment: Moment) -> None:
    """However busy the event loop is, it stands aside for a commit that does not come forward."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        moment(lambda: other.execute("ROLLBACK") if other.in_transaction else None)
        assert (await without_rest(asyncio.create_task(store.commit(append("created"))))).position == 1


async def test_so_does_each_step_of_a_transaction_that_is_held_open(store: SqliteStore, moment: Moment) -> None:
    """The first, which takes the turn, and those behind it."""
    transaction = store.begin()
    for _ in range(2):
        let_go = threading.Event()
        moment(let_go.set)
        assert await without_rest(asyncio.create_task(transaction.run(partial(held, let_go))))
    await transaction.commit(append("created"))


async def test_the_loop_stands_aside_while_nothing_is_decided_and_ever_more_rarely(moment: Moment) -> None:
    """As long as calls are decided it does not, and it looks at none that is not on its way."""
    moments: list[None] = []
    moment(lambda: moments.append(None))
    looks: list[tuple[float, Callable[[], None]]] = []

    def call_later(pause: float, look: Callable[..., None], *given: object, context: Context) -> None:
        assert not context, "that of the message which is the first would be kept as long as others follow"
        looks.append((pause, lambda: look(*given)))

    loop: Any = SimpleNamespace(call_later=call_later)
    aside = Aside(loop)

    def look() -> tuple[float, int]:
        """Look as is asked for; after which time, and how often the loop has stood aside until then."""
        ((pause, it),) = looks
        looks.clear()
        it()
        return pause, len(moments)

    aside.expect()
    assert [look() for _ in range(5)] == [(0.01, 1), (0.02, 2), (0.02, 3), (0.02, 4), (0.02, 5)]
    aside.expect()
    aside.decided += 1
    assert look() == (0.02, 5)
    aside.expect()
    aside.decided += 1
    assert look() == (0.01, 5)
    aside.decided += 1
    assert look() == (0.01, 5)
    assert not looks
    aside.expect()
    aside.decided += 1
    assert look() == (0.01, 5)
    assert not looks


async def test_a_call_that_is_decided_twice_counts_once() -> None:
    """So it is when whoever sent it was cancelled while the writer looked whether it can share a commit."""
    call = Call(lambda _: None)
    call.aside = Aside(call.loop)
    call.decide()
    call.decide()
    assert call.aside.decided == 1
