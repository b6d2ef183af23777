"""What cannot be handled is put aside with its stream, everything else flows, and it comes back in order."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.subscriptions.counting import CATALOGUE, Counted, Counter, append, following
from tests.until import until
from twofold import event
from twofold.clock import new_id
from twofold.errors import NewerVersion, Unavailable
from twofold.messages import Catalogue, Context, Event
from twofold.store import Append, Batch, Committed, Draft, Fact, MemoryStore, UnitOfWork
from twofold.subscriptions import Subscription, Trouble

pytestmark = pytest.mark.anyio


@event(name="counted", version=2)
@dataclass(frozen=True, kw_only=True)
class CountedNewly(Event):
    """The event of these tests, as a newer application has it."""

    n: int


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


def poison(counter: Counter, *numbers: int, error: Callable[[], Exception] = lambda: KeyError("x")) -> list[int]:
    """Have a counter fail on some numbers; gives the list of those it still fails on."""
    bad = list(numbers)

    async def trouble(facts: Sequence[Fact]) -> None:
        if any(fact.event.n in bad for fact in facts):
            raise error()

    counter.trouble = trouble
    return bad


async def test_a_stream_is_put_aside_and_the_others_flow(store: MemoryStore) -> None:
    """The poisoned event with its cause and its trace, the later ones of its stream behind it."""
    head = 0
    for n, stream in enumerate("abcabcabc"):
        head = await append(store, n, stream=stream)
    counter, told = Counter(store, batch_size=4), list[tuple[str, int, bool]]()
    poison(counter, 3)
    async with following(
        counter,
        store,
        attempts=2,
        observer=lambda one: told.append((repr(one.error), one.failures, bool(one.parked))),
    ) as one:
        await one.reached(head)
        assert one.parked == 1
        await one.reached(await append(store, 9, stream="a"))
        await one.reached(await append(store, 10, stream="b"))
    assert counter.seen == [0, 1, 2, 4, 5, 7, 8, 10]
    assert told == [("KeyError('x')", 1, False), ("KeyError('x')", 2, True)]
    first, *behind = await store.parked.list("counter")
    assert (first.position, first.stream, first.type, first.cause, first.attempts) == (
        4,
        "a",
        "counted",
        "KeyError: 'x'",
        2,
    )
    assert "in trouble" in first.trace
    assert [(one.position, one.cause, one.attempts) for one in behind] == [(7, "", 0), (10, "", 0)]


async def test_after_a_restart_the_stream_still_waits(store: MemoryStore) -> None:
    """Nothing overtakes what is parked."""
    counter = Counter(store)
    poison(counter, 0)
    async with following(counter, store, attempts=1) as one:
        await one.reached(await append(store, 0, stream="a"))
    again = Counter(store)
    async with following(again, store) as one:
        await one.reached(await append(store, 1, stream="a"))
        await one.reached(await append(store, 2, stream="b"))
    assert again.seen == [2]


async def test_a_retry_goes_through_the_stream_in_order(store: MemoryStore) -> None:
    """Then the stream flows again."""
    counter = Counter(store)
    bad = poison(counter, 0)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        for n in range(3):
            await one.reached(await append(store, n, stream="a"))
        await one.reached(await append(store, 9, stream="b"))
        bad.clear()
        assert await store.parked.retry("counter", "a") == 3
        await settled(one, store)
        await one.reached(await append(store, 3, stream="a"))
    assert counter.seen == [9, 0, 1, 2, 3]
    assert (await store.checkpoints.get("counter")).position == 5


async def test_a_retry_that_fails_waits_again(store: MemoryStore) -> None:
    """With one more attempt and its latest cause; what came before it is dealt with, and nothing passes it."""
    counter, failed = Counter(store), list[Exception]()

    async def failed_again() -> bool:
        return len(failed) == 2 and not any(parked.due for parked in await store.parked.list())

    bad = poison(counter, 0, 1)
    async with following(
        counter, store, attempts=1, poll=0.01, observer=lambda trouble: failed.append(trouble.error)
    ) as one:
        await one.reached(await append(store, 0, 1, 2, stream="a"))
        bad.remove(0)
        await store.parked.retry("counter", "a")
        await until(failed_again)
        parked = await store.parked.list()
    assert counter.seen == [0]
    assert [(one.position, one.cause, one.attempts) for one in parked] == [(2, "KeyError: 'x'", 1), (3, "", 0)]


async def test_whoever_sees_that_a_retry_has_failed_can_ask_for_another(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However quickly: what is written after that takes nobody's wish away."""
    counter, commit = Counter(store), MemoryStore.commit
    bad = poison(counter, 0)

    async def watched(itself: MemoryStore, batch: Batch) -> Committed:
        committed = await commit(itself, batch)
        if bad and any(parked.attempts == 2 for parked in batch.reparks):
            bad.clear()
            await store.parked.retry("counter", "a")
        return committed

    monkeypatch.setattr(MemoryStore, "commit", watched)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        await one.reached(await append(store, 0, 1, 2, stream="a"))
        await store.parked.retry("counter", "a")
        async with asyncio.timeout(10):
            await settled(one, store)
    assert counter.seen == [0, 1, 2]


async def test_an_edited_event_is_read_as_it_was_edited(store: MemoryStore) -> None:
    """The log keeps what it has."""
    counter = Counter(store)
    poison(counter, 13)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        await one.reached(await append(store, 13, 14, stream="a"))
        await store.parked.edit("counter", 1, json.dumps({"n": 12}).encode())
        await store.parked.retry("counter", "a")
        await settled(one, store)
    assert counter.seen == [12, 14]
    assert json.loads((await store.log.read(0, until=1, limit=1))[0].data) == {"n": 13}


async def test_a_dropped_event_lets_the_stream_go_on(store: MemoryStore) -> None:
    """Its followers are tried when somebody asks for it, and new events flow once nothing waits."""
    counter = Counter(store)
    poison(counter, 0)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        await one.reached(await append(store, 0, 1, stream="a"))
        await store.commit(Batch(frees=(("counter", 1),)))
        await store.parked.retry("counter", "a")
        await settled(one, store)
        await append(store, 0, stream="a")
        await one.reached(await append(store, 9, stream="b"))
        await store.commit(Batch(frees=(("counter", 3),)))
        await one.reached(await append(store, 2, stream="a"))
    assert counter.seen == [1, 9, 2]


async def test_data_that_does_not_decode_is_put_aside(store: MemoryStore) -> None:
    """It neither ends the loop nor is it skipped in silence."""
    counter = Counter(store)
    await append(store, 0, stream="a")
    draft = (await store.log.read(0, until=1, limit=1))[0]
    await append(store, 1, stream="a")
    store.log._events[1] = draft._replace(position=2, version=2, data=b'{"n": "seven"}')
    async with following(counter, store, attempts=1) as one:
        await one.reached(await append(store, 2, stream="b"))
    assert counter.seen == [0, 2]
    (parked,) = await store.parked.list()
    assert parked.cause.startswith("Undecodable")


async def test_what_only_a_newer_process_can_read_waits_for_one(store: MemoryStore) -> None:
    """It is tried once, the other streams flow, and the first process that knows it goes on there in order."""
    told = list[tuple[str, bool, bool]]()
    draft = Draft(new_id(), "counted", 2, b'{"n": 1}', {}, datetime.now(UTC))
    await append(store, 0, stream="a")
    await store.commit(Batch((Append("a", (draft,)),)))
    head = await append(store, 2, stream="a")
    with pytest.raises(NewerVersion):  # who has to catch up is the wrong process for it
        await Subscription(Counter(store), store, CATALOGUE).catch_up()
    for _ in range(2):
        counter = Counter(store)
        async with following(
            counter, store, observer=lambda one: told.append((type(one.error).__name__, bool(one.parked), one.away))
        ) as one:
            await one.reached(head)
            head = await append(store, 9, stream="b")
            await one.reached(head)
        assert counter.seen[-1] == 9
    assert told == [("NewerVersion", True, False)]
    assert [(one.position, one.attempts, one.due) for one in await store.parked.list()] == [
        (2, 1, False),
        (3, 0, False),
    ]
    newer = Catalogue()
    newer.add(CountedNewly)
    counter = Counter(store)
    async with following(counter, store, catalogue=newer, poll=0.01) as one:
        await settled(one, store)
        await one.reached(await append(store, 3, stream="a"))
    assert counter.seen == [1, 2, 3]


async def test_what_is_away_is_waited_for(store: MemoryStore) -> None:
    """An outage says nothing about the event: nothing is put aside for it, however long it lasts."""
    counter, told = Counter(store), list[int]()
    bad = poison(counter, 0, error=lambda: Unavailable("mail server") if len(told) % 2 else ConnectionError())

    def observer(trouble: Trouble) -> None:
        told.append(trouble.failures)
        if trouble.failures == 4:
            bad.clear()

    async with following(counter, store, attempts=2, observer=observer) as one:
        await one.reached(await append(store, 0, stream="a"))
    assert (counter.seen, told) == ([0], [1, 2, 3, 4])
    assert list(await store.parked.list()) == []


@pytest.mark.parametrize("still_bad", [True, False])
async def test_an_edit_while_it_is_tried_counts(store: MemoryStore, still_bad: bool) -> None:
    """The old data fails once more, and is not what is kept."""
    counter, tried = Counter(store), list[int]()
    poison(counter, 13)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        await one.reached(await append(store, 13, 14, stream="a"))

        async def edited(facts: Sequence[Fact]) -> None:
            tried.append(facts[0].event.n)
            if len(tried) == 1:
                await store.parked.edit("counter", 1, json.dumps({"n": 12}).encode())
            if len(tried) == 1 or (still_bad and len(tried) == 2):
                raise KeyError("x")

        counter.trouble = edited
        await store.parked.retry("counter", "a")
        if still_bad:
            await until(lambda: waiting_again(store, attempts=2))
        else:
            await settled(one, store)
    assert tried == ([13, 12] if still_bad else [13, 12, 14])
    assert [parked.data for parked in await store.parked.list()] == ([b'{"n": 12}', None] if still_bad else [])


async def test_an_edit_of_what_waits_behind_it_counts(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the moment in which what was read of it is written again, since what it waits behind has failed."""
    counter, commit = Counter(store), MemoryStore.commit

    async def edit_first(store: MemoryStore, batch: Batch) -> Committed:
        if any(parked.position == 2 for parked in batch.reparks):
            await store.parked.edit("counter", 2, json.dumps({"n": 12}).encode())
        return await commit(store, batch)

    poison(counter, 13)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        await one.reached(await append(store, 13, 14, stream="a"))
        monkeypatch.setattr(MemoryStore, "commit", edit_first)
        await store.parked.retry("counter", "a")
        await until(lambda: waiting_again(store, attempts=2))
    assert [(parked.data, parked.due) for parked in await store.parked.list()] == [(None, False), (b'{"n": 12}', False)]


async def test_a_drop_while_a_stream_is_tried_counts(store: MemoryStore) -> None:
    """Whether it is the one that is being tried, or one behind it."""
    counter, tried = Counter(store), list[int]()
    poison(counter, 0)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        await one.reached(await append(store, 0, 1, 2, 3, stream="a"))

        async def dropped(facts: Sequence[Fact]) -> None:
            tried.append(facts[0].event.n)
            if tried == [0]:
                await store.commit(Batch(frees=(("counter", 1), ("counter", 3))))
                raise KeyError("x")

        counter.trouble = dropped
        await store.parked.retry("counter", "a")
        await settled(one, store)
    assert (tried, counter.seen) == ([0, 1, 3], [1, 3])


@pytest.mark.parametrize("dropped", [1, 2])
async def test_a_drop_while_a_failure_is_written_counts(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, dropped: int
) -> None:
    """Also in the moment in which what failed once more, or what waits behind it, is noted: it stays dropped."""
    counter, commit = Counter(store), MemoryStore.commit

    async def drop_first(store: MemoryStore, batch: Batch) -> Committed:
        if any(parked.position == dropped for parked in (*batch.parks, *batch.reparks)):
            await commit(store, Batch(frees=(("counter", dropped),)))
        return await commit(store, batch)

    poison(counter, 0)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        await one.reached(await append(store, 0, 1, 2, stream="a"))
        monkeypatch.setattr(MemoryStore, "commit", drop_first)
        await store.parked.retry("counter", "a")
        await until(lambda: nothing_due(store))
    assert [parked.position for parked in await store.parked.list()] == [n for n in (1, 2, 3) if n != dropped]


async def test_a_drop_while_more_of_its_stream_comes_leaves_nothing_behind(store: MemoryStore) -> None:
    """What was put aside behind nothing is tried by itself."""
    counter = Counter(store)
    poison(counter, 0)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        await one.reached(await append(store, 0, stream="a"))

        async def dropped(facts: Sequence[Fact]) -> None:
            await store.commit(Batch(frees=(("counter", 1),)))

        counter.trouble = dropped
        unit = UnitOfWork(store, CATALOGUE, Context())
        unit.append("b", Counted(n=1))
        unit.append("a", Counted(n=2))
        await unit.commit()
        await settled(one, store)
        assert counter.seen == [1, 2]


async def test_a_long_stream_that_fails_again_is_tried_once(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many wait behind it, none of them asks for another try."""
    monkeypatch.setattr("twofold.subscriptions._parking._STREAM_AT_A_TIME", 2)
    counter, told = Counter(store), list[bool]()
    poison(counter, 0)
    async with following(
        counter, store, attempts=1, poll=0.01, observer=lambda trouble: told.append(trouble.parked is not None)
    ) as one:
        await one.reached(await append(store, *range(7), stream="a"))
        await store.parked.retry("counter", "a")
        await until(lambda: waiting_again(store, attempts=2))
        await one.reached(await append(store, 9, stream="b"))
    assert (counter.seen, told) == ([9], [True, True])


async def test_a_retry_ends_when_it_is_told_to_stop(store: MemoryStore) -> None:
    """What it has not come to is tried by whoever comes next."""
    counter = Counter(store)
    bad = poison(counter, 0)
    async with following(counter, store, attempts=1, poll=0.01) as one:
        await one.reached(await append(store, 0, 1, 2, stream="a"))
        bad.clear()

        async def stopping(facts: Sequence[Fact]) -> None:
            one.stop()

        counter.trouble = stopping
        await store.parked.retry("counter", "a")
    assert counter.seen in ([], [0])
    counter.trouble = None
    async with following(counter, store, poll=0.01) as one:
        await settled(one, store)
    assert counter.seen == [0, 1, 2]


async def waiting_again(store: MemoryStore, *, attempts: int) -> bool:
    """Whether the first was tried so often, and nothing asks for more."""
    parked = await store.parked.list()
    return parked[0].attempts == attempts and not any(one.due for one in parked)


async def nothing_due(store: MemoryStore) -> bool:
    """Whether nothing asks to be tried again."""
    return not await store.parked.list(due=True)


async def settled(one: Subscription, store: MemoryStore) -> None:
    """Wait until nothing of a subscription waits to be tried again."""

    async def nothing() -> bool:
        return not one.parked and not await store.parked.list()

    await until(nothing)
