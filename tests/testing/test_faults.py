"""Faults: what is promised holds under each of them, and a handler that breaks under one is found."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from tests.app.attempts import Attempted, Failed, Succeeded
from tests.testing.stall import (
    InStock,
    Post,
    Sell,
    SellByHand,
    Sold,
    SoldByStatement,
    SoldOut,
    SoldRow,
    Stocked,
    StockRow,
    Thanked,
    stall,
)
from twofold import (
    App,
    Command,
    Context,
    Event,
    EventBus,
    Failure,
    Lifecycle,
    Module,
    Query,
    Refused,
    Result,
    Success,
)
from twofold.cache import Cache
from twofold.dispatch import Next
from twofold.errors import OutcomeUnknown, StoreUnavailable, VersionConflict
from twofold.store import Batch, Committed, MemoryStore
from twofold.testing import Fault, given
from twofold.testing._faults import FaultyStore
from twofold.testing._store_case import append
from twofold.testing._streams import reordered

pytestmark = pytest.mark.anyio

PENS, INK = Stocked(article="pen", count=2), Stocked(article="ink", count=1)
SOLD, THANKED = Sold(article="pen", buyer="ada"), Thanked(buyer="ada")
SELL = Sell(article="pen", buyer="ada")
FOLLOWERS = {"in_stock", "sold", "stall.thank:sold"}


async def test_what_the_store_promises_holds(fault: Fault) -> None:
    """Under every fault each event is there once, and every row is exact: inline, by statements, behind the log."""
    await (
        given(stall(), PENS, INK, fault=fault)
        .when(SELL)
        .then(SOLD, THANKED, StockRow(article="pen", left=1), StockRow(article="ink"), SoldRow(article="pen", times=1))
    )


async def test_a_refusal_stays_one(fault: Fault) -> None:
    """However often the process dies or the command is sent."""
    await given(stall(), Stocked(article="pen", count=0), fault=fault).when(SELL).then(SoldOut("pen"))


@pytest.mark.parametrize(
    "fault,letters",
    [(None, 1), (Fault.CRASH_BEFORE_COMMIT, 2), (Fault.CRASH_AFTER_COMMIT, 1), (Fault.DUPLICATE, 2)],
)
async def test_what_is_done_elsewhere_may_be_done_twice(fault: Fault | None, letters: int) -> None:
    """The database is exact, and the outside world sees each delivery: that is what a handler has to be ready for."""
    module, post = stall(read_models=False), Post()
    await given(module, PENS, fault=fault, instead={Post: post}).when(SELL).then(SOLD, THANKED)
    assert post.letters == {"ada": letters}


@pytest.mark.parametrize("fault", [Fault.CRASH_AFTER_COMMIT, Fault.DUPLICATE])
async def test_a_command_without_idempotency_is_found(fault: Fault) -> None:
    """Sent again, it sells again."""
    app = App("stall", modules=[stall()], idempotency=None)
    with pytest.raises(AssertionError, match="came, and was not expected: Sold"):
        await given(app, PENS, fault=fault).when(SELL).then(SOLD, THANKED)


async def test_memory_does_not_survive_a_crash() -> None:
    """What lives as long as the application begins anew, so a handler that counts in memory is found."""

    async def count(event: Stocked, post: Post, events: EventBus) -> None:
        post.send("anybody")
        await events.publish(Thanked(buyer=str(post.letters.total())))

    module = stall()
    module.on(Stocked)(count)
    both, kept = (PENS, INK), [Thanked(buyer="1"), Thanked(buyer="2")]
    await given(module, *both).then(*kept)
    with pytest.raises(AssertionError):
        await given(module, *both, fault=Fault.CRASH_AFTER_COMMIT).then(*kept)


@pytest.mark.parametrize("fault,order", [(None, ["pen", "ink"]), (Fault.REORDER, ["ink", "pen"])])
async def test_streams_come_in_another_order(fault: Fault | None, order: list[str]) -> None:
    """Events of different streams change places, those of one do not."""
    seen = list[tuple[str, int]]()
    module = stall()

    async def look(event: Stocked) -> None:
        seen.append((event.article, event.count))

    module.on(Stocked)(look)
    await given(module, PENS, INK, Stocked(article="pen", count=5), fault=fault).then()
    assert list(dict.fromkeys(article for article, _ in seen)) == order
    assert [count for article, count in seen if article == "pen"] == [2, 5]


@pytest.mark.parametrize(
    "tags, order",
    [
        ({}, "dbac"),
        ({"b": "x"}, "dbac"),
        ({"b": "x", "d": "x"}, "bdac"),
        ({"a": "x", "d": "x"}, "bacd"),
        ({"a": "x", "b": "xy", "d": "y"}, "abcd"),
        ({"b": "x", "a": "y", "c": "xy"}, "dabc"),
    ],
)
def test_what_carries_the_same_tag_stays_in_order(tags: dict[str, str], order: str) -> None:
    """As what is in one stream does, which is a and c here; also where only a third one has both."""
    streams = {"a": "s", "b": "t", "c": "s", "d": "u"}
    found = reordered([(streams[event], event) for event in "abcd"], lambda event: tags.get(event, ""))
    assert "".join(event for _, event in found) == order


@pytest.mark.parametrize("fault,seen", [(Fault.DELAY, 0), (Fault.REORDER, 2)])
async def test_read_models_are_behind_when_the_command_comes(fault: Fault, seen: int) -> None:
    """Under a delay whoever follows the log has seen nothing of what was given, and all of it in the end."""
    letters, when_sold, settled = Post(), list[int](), asyncio.Event()

    class Till(Post):
        def send(self, buyer: str) -> None:
            letters.send(buyer)
            if letters.letters.total() == 2:
                settled.set()

    async def meanwhile(message: object, context: Context, call_next: Next) -> Result[Any, Any]:
        with suppress(TimeoutError):  # under a delay it is quiet for so long
            async with asyncio.timeout(0.2 if fault is Fault.DELAY else None):
                await settled.wait()
        when_sold.append(letters.letters.total())
        return await call_next(message, context)

    app = App("stall", modules=[stall()])
    app.use(meanwhile, when=Sell)
    past = Stocked(article="pen", count=9), SOLD, SOLD
    await given(app, *past, fault=fault, instead={Post: Till()}).when(SELL).then(SOLD, THANKED, THANKED, THANKED)
    assert (when_sold, letters.letters) == ([seen], {"ada": 3})


def attempting(*, fails: bool) -> tuple[Module, object]:
    """A module whose one command tells what becomes of it, and that command."""

    @dataclass(frozen=True, kw_only=True)
    class Try(Command[str]):
        name: str

    module = Module("attempting")

    @module.handler(lifecycle=Lifecycle(attempted=Attempted, succeeded=Succeeded, failed=Failed))
    async def attempt(command: Try) -> Result[str, Refused]:
        return Failure(Refused("no")) if fails else Success("done")

    return module, Try(name="ada")


TRIED = Attempted(name="ada")
DONE, UNDONE = Succeeded(name="ada", result="done"), Failed(name="ada", reason="refused: no")


@pytest.mark.parametrize(
    "fault,fails,told",
    [
        (None, False, (TRIED, DONE)),
        (Fault.CRASH_BEFORE_COMMIT, False, (TRIED, TRIED, DONE)),
        (Fault.CRASH_AFTER_COMMIT, False, (TRIED, TRIED, DONE)),
        (Fault.DUPLICATE, False, (TRIED, DONE)),
        (Fault.CRASH_BEFORE_COMMIT, True, (TRIED, TRIED, UNDONE)),
        (Fault.CRASH_AFTER_COMMIT, True, (TRIED, TRIED, TRIED, UNDONE, UNDONE)),
        (Fault.DUPLICATE, True, (TRIED, UNDONE, TRIED, UNDONE)),
    ],
)
async def test_a_process_that_dies_leaves_its_attempt_without_an_end(
    fault: Fault | None, fails: bool, told: tuple[Event, ...]
) -> None:
    """The one that comes after it attempts it anew; nobody hears of the end that the dead one could not tell."""
    heard = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, said: heard.append(said))
    module, sent = attempting(fails=fails)
    await given(module, fault=fault).when(sent).then(*told, *([Refused] if fails else []))
    assert heard == []
    asyncio.get_running_loop().call_exception_handler({"message": "of a test"})
    assert [said["message"] for said in heard] == ["of a test"]


async def test_what_is_lost_in_a_process_that_lives_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault silences the dead alone."""
    heard = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, said: heard.append(said))
    commit = FaultyStore.commit

    async def refusing(self: FaultyStore, batch: Batch) -> Committed:
        if any(draft.type == "failed" for one in batch.appends for draft in one.events):
            raise StoreUnavailable("the disk is full")
        return await commit(self, batch)

    monkeypatch.setattr(FaultyStore, "commit", refusing)
    module, sent = attempting(fails=True)
    await given(module, fault=Fault.DELAY).when(sent).then(TRIED, Refused)
    assert [str(said["exception"]) for said in heard] == ["the disk is full"]


async def test_a_command_that_only_runs_sql_dies_too() -> None:
    """Its commit is one like any other: before it nothing is there, and after it the row is, once."""
    for fault in (Fault.CRASH_BEFORE_COMMIT, Fault.CRASH_AFTER_COMMIT):
        await given(stall(), fault=fault).when(SellByHand(article="gum")).then(StockRow(article="gum", left=-1))


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE_COMMIT, Fault.CRASH_AFTER_COMMIT])
@pytest.mark.parametrize(
    "command,command_point", [(SELL, ("command", "sold")), (SellByHand(article="gum"), ("command",))]
)
async def test_every_commit_point_meets_its_crash(
    fault: Fault, command: Sell | SellByHand, command_point: tuple[str, ...]
) -> None:
    """Each has the process start again, once: a command's batch or session, a projection's, and that of a reaction."""

    class Counted(App):
        starts = 0
        seen: FaultyStore

        async def start(self) -> None:
            self.starts += 1
            await super().start()
            assert isinstance(self.store, FaultyStore)
            self.seen = self.store

    module = stall(read_models=False)
    module.projection("in_stock", tables=[StockRow])(InStock)
    module.projection("sold", tables=[SoldRow])(SoldByStatement)
    app = Counted("stall", modules=[module])
    answer = given(app, PENS, SOLD, fault=fault).when(command)
    await answer.then(*([SOLD, THANKED, THANKED] if command is SELL else [THANKED]))
    met: set[Any] = app.seen.met
    assert command_point in met
    assert {moved[0] for _, moved in [one for one in met if one[0] == "events"]} == FOLLOWERS
    restarts = app.starts - 1
    # Two that have committed at once die together.
    assert restarts == len(met) if fault is Fault.CRASH_BEFORE_COMMIT else 0 < restarts <= len(met)


async def test_a_commit_that_is_refused_is_no_crash() -> None:
    """The process goes on and sees its log; the same commit meets its crash when it is not refused."""
    store = FaultyStore(MemoryStore, Fault.CRASH_AFTER_COMMIT)
    await store.start()
    await store.commit(append("pen"))
    store.appear()
    store.armed = True
    with pytest.raises(VersionConflict):
        await store.commit(append("pen", expected=7))
    assert (store.crashed.is_set(), await store.log.head()) == (False, 1)
    with pytest.raises(OutcomeUnknown):
        await store.commit(append("pen"))
    assert (store.crashed.is_set(), await store.log.head()) == (True, 0)
    with pytest.raises(StoreUnavailable):
        await store.commit(append("pen"))
    assert await store.behind.log.head() == 2


async def test_nobody_is_woken_for_what_they_do_not_see() -> None:
    """While the store is late its followers wait, however far the log has come: they would look without a pause."""
    store = FaultyStore(MemoryStore, Fault.DELAY)
    await store.start()
    await store.commit(append("pen"))
    waiting = asyncio.create_task(store.wakeup.wait(await store.log.head(), 60))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    store.appear()
    await asyncio.wait_for(waiting, 20)
    assert await store.log.head() == 1
    await asyncio.wait_for(store.wakeup.wait(0, 60), 20)


async def test_answers_that_are_kept_hear_of_events_under_every_fault(fault: Fault) -> None:
    """What hears of them follows the log, and waits for as long as it sees nothing of it."""

    @dataclass(frozen=True, kw_only=True)
    class HowMany(Query[int]):
        """How many pens are left."""

    async def how_many(query: HowMany) -> int:
        return 1

    module = stall()
    module.handler(cache=Cache("1h", invalidated_by=(Sold,), scope="all"))(how_many)
    await given(module, PENS, fault=fault).when(SELL).then(SOLD, THANKED)
