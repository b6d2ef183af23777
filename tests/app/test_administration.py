"""What an operator does with versions of projections, while applications run: build, switch, go back, compare."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.app.versions import (
    SUMS,
    Noted,
    Open,
    Paid,
    Refunded,
    pay,
    record,
    rows_of,
    standing,
    till,
    total,
    until_status,
)
from twofold import App, Event
from twofold.app.administration import Administration, Pace, administering
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import NotFound, Refused
from twofold.store import Batch, MemoryStore, Store, Upsert

pytestmark = pytest.mark.anyio
MANY = 1300
POISON = 13


def nobody(pace: Pace) -> None:
    """Looks at no pace."""


@asynccontextmanager
async def administered(version: int, store: Store, **options: Any) -> AsyncIterator[Administration]:
    """The operator of an application that is not running here."""
    async with administering(till(version, store, **options)) as administration:
        yield administration


async def filled(store: Store, *events: Event) -> None:
    """Let version 1 run over some events, and stop."""
    async with till(1, store) as app:
        await record(app, *events)
        await app.settle()


async def lag_of(administration: Administration) -> int:
    """How far behind the live rows are."""
    (status,) = await administration.all()
    assert status.live is not None
    return status.live.lag


async def test_a_rebuild_tells_how_far_it_is_and_switches(shared: Open) -> None:
    """From nothing to everything; afterwards the new rows are live, and the old ones are kept."""
    await filled(shared(), *(Paid(amount=1) for _ in range(MANY)))
    told = list[tuple[float, int]]()
    async with administered(2, shared()) as administration:
        (before,) = await administration.all()
        assert (before.live and before.live.version, before.next, before.note) == (1, None, "version 2 is to be built")
        assert await administration.rebuild("sums", lambda pace: told.append((pace.fraction, pace.left)))
        status = await administration.status("sums")
    assert (told[0], told[-1]) == ((0.0, MANY), (1.0, 0))
    assert (status.live and status.live.version, status.previous and status.previous.version) == (2, 1)
    assert status.note == ""
    async with till(2, shared()) as app:
        assert await total(app.store) == 2 * MANY


async def test_what_has_put_events_aside_takes_no_place_unasked(shared: Open) -> None:
    """Workers go on with what an operator began, and park what it cannot handle: said again, it is not whole."""

    def look(amount: int) -> None:
        if amount == POISON:
            raise ValueError("cannot be counted")

    await filled(shared(), Paid(amount=1), Paid(amount=POISON))
    async with till(2, shared(), look=look) as workers:
        await until_status(workers, "sums@next", "waits for a command: it has put events aside")
    async with administered(2, shared()) as administration:
        with pytest.raises(Refused, match="lacks events that are parked, in 1 of its streams"):
            await administration.rebuild("sums")
        status = await administration.status("sums")
        assert (status.live and status.live.version, status.next and status.next.parked) == (1, 1)
        await administration.switch("sums")  # who says so takes it as it is
        status = await administration.status("sums")
        assert (status.live and status.live.version) == 2


async def test_who_waits_for_nothing_is_not_behind(shared: Open) -> None:
    """Though the log goes on with events of others; of a version that is not declared here nobody knows that."""
    await filled(shared(), Paid(amount=1))
    async with till(None, shared()) as others:
        await record(others, Noted(), Noted())
        async with administered(1, shared()) as administration:
            assert await lag_of(administration) == 0
        async with administered(2, shared()) as administration:
            assert await lag_of(administration) == 2
        await record(others, Paid(amount=2))
        async with administered(1, shared()) as administration:
            assert await lag_of(administration) == 3


async def test_a_manual_rebuild_waits_for_the_switch(shared: Open) -> None:
    """It is caught up before it takes the place, so that readers never go back in time."""
    await filled(shared(), Paid(amount=1))
    async with administered(2, shared(), switch="manual") as administration:
        with pytest.raises(NotFound, match="nothing is built"):
            await administration.switch("sums")
        assert not await administration.rebuild("sums", nobody)
        async with till(1, shared()) as old:
            await pay(old, 10)
            await old.settle()
            assert await total(old.store) == 11
            await administration.switch("sums")
            assert await total(old.store) == 22


async def test_a_reset_builds_the_same_version_anew_beside_the_live_rows(shared: Open) -> None:
    """A row that somebody has broken is whole again; the application goes on meanwhile and afterwards."""
    async with till(1, shared()) as app, administered(1, shared()) as administration:
        await pay(app, 1, 2)
        await app.settle()
        await app.store.commit(Batch(rows=(Upsert(SUMS[1], {"who": "all"}, {"total": 1000}),)))
        assert await administration.reset("sums", nobody)
        await pay(app, 4)
        await app.settle()
        assert await rows_of(app.store) == [{"who": "all", "total": 7}]
        assert (await rows_of(app.store, "previous"))[0]["total"] >= 1000
        await administration.reset("sums", nobody)
        await administration.rollback("sums")
        await pay(app, 8)
        await app.settle()
        assert await rows_of(app.store) == [{"who": "all", "total": 15}]
        assert await standing(app.store) == {"sums": 1, "sums@previous": 1}


@pytest.mark.parametrize("mode", ["inline", "async"])
async def test_a_reset_while_events_arrive_loses_and_doubles_nothing(shared: Open, mode: Any) -> None:
    """In both modes, with several resets in a row."""
    async with till(1, shared(), mode=mode) as app, administered(1, shared(), mode=mode) as administration:
        await record(app, *(Paid(amount=1) for _ in range(MANY)))
        done = asyncio.Event()

        async def trade() -> int:
            paid = 0
            while not done.is_set():
                await pay(app, 1)
                paid += 1
            return paid

        trading = asyncio.create_task(trade())
        for _ in range(3):
            assert await administration.reset("sums", nobody)
        done.set()
        paid = await trading
        await app.settle()
        assert await rows_of(app.store) == [{"who": "all", "total": MANY + paid}]


async def test_what_makes_no_sense_is_refused_with_the_reason(shared: Open) -> None:
    """And changes nothing."""
    await filled(shared(), Paid(amount=1))
    async with administered(1, shared()) as old, administered(2, shared(), switch="manual") as new:
        with pytest.raises(Refused, match="`reset` builds the same version anew"):
            await old.rebuild("sums", nobody)
        with pytest.raises(Refused, match="version 1 of sums is live, and this application has version 2"):
            await new.reset("sums", nobody)
        with pytest.raises(NotFound, match="no previous version"):
            await new.rollback("sums")
        with pytest.raises(NotFound, match="no next version"):
            await new.drop("sums", "next")
        with pytest.raises(NotFound, match="has no projection 'other'; it has sums"):
            await new.status("other")
        await new.rebuild("sums", nobody)
        with pytest.raises(Refused, match="version 2 of sums is built, and this application has version 1"):
            await old.switch("sums")
        await new.switch("sums")
        with pytest.raises(Refused, match="version 2 of sums is live"):
            await old.rebuild("sums", nobody)
        await new.drop("sums", "previous")
        assert (await new.status("sums")).previous is None


async def test_a_version_that_was_rolled_back_is_built_again_by_command(shared: Open) -> None:
    """Anew, from the first event on; a process of this version alone would not."""
    await filled(shared(), Paid(amount=1))
    async with administered(2, shared()) as administration:
        await administration.rebuild("sums", nobody)
        await administration.rollback("sums")
        assert (await administration.status("sums")).note == "version 2 was rolled back to version 1"
        await filled(shared(), Paid(amount=10))
        assert await administration.rebuild("sums", nobody)
    async with till(2, shared()) as app:
        assert await rows_of(app.store) == [{"who": "all", "total": 22, "events": 2}]


async def test_of_several_that_roll_back_to_a_version_one_does(shared: Open) -> None:
    """Processes with either version, at the same time: it is live once all are done."""
    await filled(shared(), Paid(amount=1))
    async with administered(2, shared()) as new, administered(1, shared()) as old:
        await new.rebuild("sums", nobody)
        done = await asyncio.gather(*(one.rollback("sums", to=1) for one in (new, old) * 4))
        assert sorted(done) == [False] * 7 + [True]
        live = (await old.status("sums")).live
        assert live is not None
        assert live.version == 1


async def test_comparing_finds_every_row_that_differs(shared: Open) -> None:
    """Changed, missing and new ones, columns that only one side has, and no more rows than asked for."""
    people = [f"p{number:03}" for number in range(50)]
    await filled(shared(), *(Paid(amount=0, who=who) for who in people), Paid(amount=1, who="p007"))
    async with administered(2, shared(), switch="manual") as administration:
        await administration.rebuild("sums", nobody)
        (same,) = await administration.compare("sums", "next", 10)
        assert (same.live, same.aside, same.different, same.columns) == (50, 50, 1, ("events",))
        (row,) = same.differences
        assert (row.key, row.live, row.aside) == ({"who": "p007"}, {"total": 1}, {"total": 2})
        await filled(shared(), Paid(amount=0, who="new"), *(Paid(amount=5, who=who) for who in people[:20]))
        (changed,) = await administration.compare("sums", "next", 5)
        assert (changed.live, changed.aside, changed.different) == (51, 50, 21)
        assert len(changed.differences) == 5
        (everything,) = await administration.compare("sums", "next", 100)
        assert everything.differences[-1].key == {"who": "new"}
        assert (everything.differences[-1].live, everything.differences[-1].aside) == ({"total": 0}, None)
        with pytest.raises(NotFound, match="no previous version"):
            await administration.compare("sums", "previous", 1)


async def test_a_store_without_sql_says_that_it_cannot_compare() -> None:
    """The rest works on it."""
    store = MemoryStore()
    await filled(store, Paid(amount=1))
    async with administered(2, store, switch="manual") as administration:
        await administration.rebuild("sums", nobody)
        with pytest.raises(Refused, match="MemoryStore has no SQL"):
            await administration.compare("sums", "next", 1)


EVENTS = st.lists(
    st.one_of(
        st.builds(Paid, amount=st.integers(-9, 9), who=st.sampled_from("abc")),
        st.builds(Refunded, amount=st.integers(-9, 9), who=st.sampled_from("abc")),
        st.builds(Noted),
    ),
    max_size=12,
)


@given(before=EVENTS, during=EVENTS, after=EVENTS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_was_switched_to_equals_a_cold_rebuild_row_by_row(
    before: list[Event], during: list[Event], after: list[Event], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever happened before it, while it was built and after the switch."""
    folder = tmp_path_factory.mktemp("cold")

    async def fill(app: App, events: list[Event]) -> None:
        if events:
            await record(app, *events)

    async with till(1, SqliteStore(folder / "warm.db", durability="normal")) as old:
        await fill(old, before)
        await old.settle()
        async with till(2, SqliteStore(folder / "warm.db", durability="normal")) as new:
            await fill(old, during)
            await fill(new, during)
            await new.settle()
            await fill(old, after)
            await new.settle()
            rows = await rows_of(new.store)
    cold = SqliteStore(folder / "cold.db", durability="normal")
    async with till(2, cold) as fresh:
        for events in (before, during, during, after):
            await fill(fresh, events)
        await fresh.settle()
        assert await rows_of(fresh.store) == rows
