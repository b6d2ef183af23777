"""What limits refuse is in the audit trail, counted and in batches, whoever asks and how often; the time is virtual."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.reliability.virtual import HandClock, LoopClock, run, settle
from twofold import App, Command, Module
from twofold.app._regularly import Regularly
from twofold.clock import new_id
from twofold.errors import OutcomeUnknown, StoreUnavailable
from twofold.messages import Context, Origin
from twofold.reliability import Bulkhead, CircuitBreaker, RateLimit
from twofold.store import AuditEntry, AuditSearch, Batch, Committed, MemoryStore, Refusals, verify
from twofold.store._audited import About

ABOUT = About("pay", 1, str)


@dataclass(frozen=True, kw_only=True)
class Pay(Command[None]):
    """What is refused."""

    fails: bool = False
    hangs: bool = False


def desk(**options: Any) -> Module:
    """A module with one command."""
    module = Module("desk")

    @module.handler(**options)
    async def pay(command: Pay) -> None:
        if command.fails:
            raise ConnectionError("the bank is away")
        if command.hangs:
            await asyncio.Event().wait()

    return module


class Counting:
    """A store that counts commits, and can be away."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.batches = list[Batch]()
        self.away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: Batch) -> Committed:
        """Keep it, and write it."""
        if self.away:
            raise StoreUnavailable("the disk is full")
        self.batches.append(batch)
        return await self._store.commit(batch)

    async def entries(self) -> Sequence[AuditEntry]:
        """All that is in the trail."""
        return await self._store.audit.find(AuditSearch())


def told(entries: Sequence[AuditEntry]) -> list[tuple[str | None, str, str, int]]:
    """Of whom, how it ended, and how often."""
    return [(one.user_id, one.outcome, one.code, one.count) for one in entries]


def test_what_a_rate_limit_refuses_is_one_entry_a_minute() -> None:
    """For each user, with how many there were, the first and the last; none of them costs a write of its own."""

    async def main() -> None:
        store: Any = Counting()
        clock = LoopClock()
        app = App("desk", modules=[desk(rate_limit=RateLimit("1/hour", per="user"))], database=store, clock=clock)
        async with app:
            await settle()
            ada, bob = app.caller(user_id="ada", tenant="north"), app.caller(user_id="bob")
            await ada.execute(Pay())
            await bob.execute(Pay())
            before = len(store.batches)
            began = clock.now()
            for _ in range(500):
                await ada.execute(Pay())
            await asyncio.sleep(30)
            await bob.execute(Pay())
            await ada.execute(Pay())
            assert len(store.batches) == before
            await asyncio.sleep(40)
            assert len(store.batches) == before + 1
            _, _, of_ada, of_bob = await store.entries()
            limited = "rate_limited", "rate_limited"
            assert told([of_ada, of_bob]) == [("ada", *limited, 501), ("bob", *limited, 1)]
            assert (of_ada.message, of_ada.tenant, of_ada.payload) == ("pay", "north", "null")
            assert (of_ada.time - began).total_seconds() < 1
            assert 30 <= of_ada.duration.total_seconds() < 31
            await asyncio.sleep(200)
            assert len(store.batches) == before + 1
            await bob.execute(Pay())
        assert told(await store.entries())[4:] == [("bob", "rate_limited", "rate_limited", 1)]

    run(main())


@pytest.mark.parametrize(
    "options, first, code",
    [
        ({"circuit_breaker": CircuitBreaker(failures=1)}, Pay(fails=True), "circuit_open"),
        ({"bulkhead": Bulkhead(concurrent=1, waiting=0)}, Pay(hangs=True), "bulkhead_full"),
    ],
)
def test_an_open_breaker_and_a_full_bulkhead_count_too(options: dict[str, Any], first: Pay, code: str) -> None:
    """They are written when the application stops, at the latest, and sealed with all else."""

    async def main() -> None:
        store: Any = Counting()
        app = App("desk", modules=[desk(**options)], database=store, clock=LoopClock())
        async with app:
            holding = asyncio.create_task(app.execute(first))
            await settle()
            for _ in range(20):
                assert not (await app.execute(Pay())).is_success
            holding.cancel()
            await asyncio.wait({holding})
            assert [one.code for one in await store.entries() if one.code == code] == []
        assert told(await store.entries())[-1] == (None, "unavailable", code, 20)
        assert (await verify(store.audit)).unsealed == 0

    run(main())


def test_the_first_and_the_last_are_told_however_they_came() -> None:
    """Refusals are counted when they end: who was sent earlier may be counted later."""

    async def main() -> None:
        store: Any = Counting()
        await store.start()
        refusals, clock = Refusals(store), HandClock()
        for clock.time in (1020, 1000, 1030, 1010):
            refusals.add(ABOUT, Context(clock=clock), "rate_limited", "rate_limited")
        await refusals.write()
        (entry,) = await store.entries()
        assert (entry.time.timestamp(), entry.duration.total_seconds(), entry.count) == (1000, 30, 4)

    run(main())


def test_there_is_a_bound_to_what_is_kept() -> None:
    """Kinds beyond it are counted together, so that many users make nobody write more."""

    async def main() -> None:
        store: Any = Counting()
        await store.start()
        refusals = Refusals(store, most=3)
        for n in range(1000):
            refusals.add(ABOUT, Context(Origin(user_id=f"user {n}")), "rate_limited", "rate_limited")
        await refusals.write()
        entries = await store.entries()
        assert [(one.message, one.user_id, one.count) for one in entries] == [
            ("pay", "user 0", 1),
            ("pay", "user 1", 1),
            ("pay", "user 2", 1),
            ("*", None, 997),
        ]
        await refusals.write()
        assert len(store.batches) == 1

    run(main())


def test_what_cannot_be_written_is_counted_on(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it is lost while the store is away; the log tells once, and the count is whole when it is back."""

    async def main() -> None:
        store: Any = Counting()
        await store.start()
        store.away = True
        refusals = Refusals(store)
        logger = logging.getLogger(__name__)
        writing = Regularly(
            refusals.write, every=60.0, name="refusals", logger=logger, trouble="they cannot be written"
        )
        for _ in range(3):
            refusals.add(ABOUT, Context(Origin(user_id="ada")), "rate_limited", "rate_limited")
            await asyncio.sleep(61)
        assert await store.entries() == []
        store.away = False
        await writing.stop()
        assert told(await store.entries()) == [("ada", "rate_limited", "rate_limited", 3)]

    run(main())
    assert [one.getMessage() for one in caplog.records if one.levelno > logging.DEBUG] == [
        "they cannot be written: StoreUnavailable: the disk is full"
    ]


class Unheard(Counting):
    """A store that loses one answer to what has no events, or loses what it was sent.

    Args:
        writes: Whether it is only the answer.
    """

    def __init__(self, *, writes: bool) -> None:
        super().__init__()
        self.writes = writes
        self.unheard = False
        self.error: Exception = OutcomeUnknown("no answer")

    async def commit(self, batch: Batch) -> Committed:
        """Write it, if it does, and say nothing."""
        if not self.unheard or batch.appends:
            return await super().commit(batch)
        self.unheard = False
        if self.writes:
            await super().commit(batch)
        raise self.error


@pytest.mark.parametrize("writes", [True, False])
def test_an_entry_that_may_not_be_written_is_written_again(writes: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Rather more than once than never: all have one id."""

    async def main() -> None:
        store: Any = Unheard(writes=writes)
        async with App("desk", modules=[desk()], database=store, clock=LoopClock()) as app:
            await settle()
            store.unheard = True
            assert not (await app.execute(Pay(fails=True))).is_success
            store.unheard = True
            await asyncio.sleep(121)
            entries = await store.entries()
        assert [one.code for one in entries] == ["ConnectionError"] * (3 if writes else 1)
        assert len({one.message_id for one in entries}) == 1

    run(main())
    (owed,) = [line for line in caplog.messages if "is owed" in line]
    assert "pay (unavailable" in owed


def test_an_entry_that_can_never_be_written_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """It would keep others from being written too, so it is in the log, and not tried again."""

    async def main() -> None:
        store: Any = Unheard(writes=False)
        async with App("desk", modules=[desk()], database=store, clock=LoopClock()) as app:
            await settle()
            store.unheard, store.error = True, ValueError("broken")
            assert not (await app.execute(Pay(fails=True))).is_success
        assert await store.entries() == []

    run(main())
    (lost,) = [one for one in caplog.records if one.name == "twofold.audit"]
    assert lost.getMessage().startswith("not in the audit trail: pay (unavailable")


@pytest.mark.parametrize("writes", [True, False])
def test_a_count_that_may_not_be_written_is_written_again(writes: bool) -> None:
    """As it was, with its id, so that it is no other one; what comes later is counted apart."""

    async def main() -> None:
        store: Any = Unheard(writes=writes)
        await store.start()
        refusals = Refusals(store)
        for count in (3, 2):
            for _ in range(count):
                refusals.add(ABOUT, Context(Origin(user_id="ada")), "rate_limited", "rate_limited")
            if count == 3:
                store.unheard = True
                with pytest.raises(OutcomeUnknown):
                    await refusals.write()
        await refusals.write()
        entries = await store.entries()
        assert [one.count for one in entries] == [3] * (1 + writes) + [2]
        assert len({one.message_id for one in entries}) == 2

    run(main())


def test_a_count_that_may_not_be_written_goes_on_where_there_is_no_room_for_it() -> None:
    """It is in the trail in any case, and what is kept has its bound."""

    async def main() -> None:
        store: Any = Unheard(writes=False)
        await store.start()
        refusals, _ = _kept(1000, store)
        refusals.add(ABOUT, Context(Origin(user_id="ada")), "rate_limited", "rate_limited")
        store.unheard = True
        with pytest.raises(OutcomeUnknown):
            await refusals.write()
        refusals.add(ABOUT, Context(Origin(user_id="ada")), "rate_limited", "rate_limited")
        await refusals.write()
        assert [one.count for one in store.batches[-1].audit] == [1] * 1000 + [2]

    run(main())


def _kept(count: int, store: Any = None) -> tuple[Refusals, list[bool]]:
    """Who keeps entries one by one, and whether there was room for each."""
    refusals = Refusals(store or MemoryStore())
    entry = AuditEntry(
        message="pay",
        version=1,
        message_id=new_id(),
        correlation_id="c",
        causation_id=None,
        user_id=None,
        tenant=None,
        payload="null",
        time=datetime(2030, 1, 1, tzinfo=UTC),
        duration=timedelta(),
        outcome="refused",
    )
    return refusals, [refusals.keep([entry]) for _ in range(count)]


def test_there_is_a_bound_to_entries_that_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand; those that are never written are named when nobody tries again."""

    async def main() -> list[bool]:
        refusals, room = _kept(1001)
        caplog.clear()
        await refusals.give_up()
        return room

    assert asyncio.run(main()) == [True] * 1000 + [False]
    (line,) = [one for one in caplog.messages if one.startswith("not in the audit trail: ")]
    assert line.count("pay (refused") == 1000
