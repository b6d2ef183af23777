"""Commands with a key: run once, answered the same each time, and never with what somebody else was told."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from examples._demo.database import Database, SqliteFile
from tests.app.shelves import PutBlocking, Shelves
from tests.app.test_reliability import Numbers
from tests.app.till import Pay, PayAll, Slip, Till, Tip, taken
from tests.reliability.virtual import HandClock, LoopClock, run
from twofold import App, Command, Invalid, Module, Principal, Query, Refused
from twofold.app.explanation import explain
from twofold.dispatch import Idempotency
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import (
    KeyConflict,
    KeyInFlight,
    OutcomeUnknown,
    StoreUnavailable,
    TimedOut,
    VersionConflict,
    WiringError,
)
from twofold.messages import Context
from twofold.store import Batch, Committed, MemoryStore, Reply, UnitOfWork, carried_through

pytestmark = pytest.mark.anyio

ONE = Pay(amount=Decimal("1.50"))


async def test_the_same_key_is_one_command(each_database: Database) -> None:
    """Its twin is given the very answer, with its position, also after a restart, and nothing is written for it."""
    till = Till()
    for _ in range(2):
        async with till.app(each_database.address) as app:
            for _ in range(2):
                caller = app.caller(idempotency_key="k-1")
                assert (await caller.execute(ONE)).unwrap().amount == ONE.amount
                assert caller.position == 1
            told = {(await app.caller(idempotency_key="k-1").execute(ONE)).unwrap().id for _ in range(3)}
            assert len(told) == 1
            assert await taken(app) == 1
    assert len(till.begun) == 1


async def test_many_at_once_are_one_command(each_database: Database) -> None:
    """Fifty of one key: one runs, and all of them are given its answer."""
    till = Till()
    async with till.app(each_database.address) as app:
        sent = [app.caller(idempotency_key="k-1").execute(ONE) for _ in range(50)]
        assert len({result.unwrap().id for result in await asyncio.gather(*sent)}) == 1
        assert (len(till.begun), await taken(app)) == (1, 1)


async def test_a_command_with_a_key_is_no_longer_than_its_transaction(each_database: Database) -> None:
    """Its key is held in it: who takes longer cannot succeed, and is told what to raise; without a key, it may."""
    module = Module("long")

    @dataclass(frozen=True, kw_only=True)
    class TakeLong(Command[int]):
        pass

    @module.handler
    async def take_long(command: TakeLong) -> int:
        other = app.store.begin()
        await other.run(lambda connection: None)  # waits for the only connection that writes
        await other.rollback()
        return 1

    if isinstance(each_database, SqliteFile):
        app = App("long", modules=[module], database=SqliteStore(each_database.path, turn_timeout=0.5))
    else:
        app = App("long", modules=[module], database=f"{each_database.address}&turn_timeout=0.5&pool_size=1")
    async with app:
        assert (await app.execute(TakeLong())).unwrap() == 1
        result = await app.caller(idempotency_key="k-1").execute(TakeLong())
        assert isinstance(result.error, StoreUnavailable)
        assert str(result.error) == (
            "the transaction was held longer than 0.5 s and was rolled back: do what is slow elsewhere, or raise"
            " turn_timeout"
        )


async def test_another_payload_under_the_key_is_a_conflict() -> None:
    """It is refused, whether the first one is done or still at it; the first answer stays."""
    till = Till()
    async with till.app() as app:
        caller = app.caller(idempotency_key="k-1")
        till.gate.clear()
        first = asyncio.create_task(caller.execute(ONE))
        await till.started.wait()
        other = asyncio.create_task(caller.execute(replace(ONE, amount=Decimal(2))))
        await asyncio.sleep(0)
        till.gate.set()
        assert isinstance((await other).error, KeyConflict)
        assert isinstance((await caller.execute(replace(ONE, amount=Decimal(2)))).error, KeyConflict)
        assert await caller.execute(ONE) == await first
    assert len(till.begun) == 1


async def test_the_payload_is_what_was_said_whatever_the_order_and_the_request() -> None:
    """Elements of a set have none, and what the context fills in belongs to who sends it."""
    till = Till()
    async with till.app() as app:
        for notes, request in ((["a", "b", "c", "d"], "r-1"), (["d", "b", "c", "a"], "r-2")):
            caller = app.caller(idempotency_key="k-1")
            (await caller.execute(replace(ONE, notes=frozenset(notes), request=request))).unwrap()
        fewer = await app.caller(idempotency_key="k-1").execute(replace(ONE, notes=frozenset("abc")))
        assert isinstance(fewer.error, KeyConflict)
    assert [command.request for command in till.begun if isinstance(command, Pay)] == ["r-1"]


async def test_a_secret_is_a_part_of_the_payload() -> None:
    """Two passwords are written alike wherever people read them, and are two commands under one key all the same."""
    seen: list[str] = []

    @dataclass(frozen=True, kw_only=True)
    class SetPasswords(Command[int]):
        passwords: tuple[SecretStr, ...]

    async def set_passwords(command: SetPasswords) -> int:
        seen.extend(one.get_secret_value() for one in command.passwords)
        return len(seen)

    module = Module("passwords")
    module.register(SetPasswords, set_passwords)
    async with App("passwords", modules=[module], database="memory:") as app:
        caller = app.caller(idempotency_key="k-1")
        for _ in range(2):
            assert (await caller.execute(SetPasswords(passwords=(SecretStr("one"), SecretStr("two"))))).unwrap() == 2
        other = await caller.execute(SetPasswords(passwords=(SecretStr("one"), SecretStr("too"))))
    assert isinstance(other.error, KeyConflict)
    assert seen == ["one", "two"]


async def test_the_store_does_not_tell_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one command under two keys it has two fingerprints: who reads it has nothing to try commands against."""
    kept = list[Reply]()
    commit = MemoryStore.commit

    async def watched(store: MemoryStore, batch: Batch) -> Committed:
        kept.extend([] if batch.reply is None else [batch.reply])
        return await commit(store, batch)

    monkeypatch.setattr(MemoryStore, "commit", watched)
    async with Till().app() as app:
        for key in ("k-1", "k-2"):
            assert (await app.caller(idempotency_key=key).execute(ONE)).is_success
    assert len({reply.fingerprint for reply in kept}) == 2


def test_a_shorthand_changes_only_what_it_says() -> None:
    """What the application says of all commands holds beside it."""
    usual = Idempotency(keep=60.0, twin="refuse", wait=1.0)
    assert Idempotency.of("required", usual) == replace(usual, required=True)


async def test_nobody_is_given_anothers_answer() -> None:
    """A key belongs to a user, a tenant and a type of command."""
    till = Till()
    async with till.app() as app:
        who: list[dict[str, Any]] = [
            {},
            {"user_id": "ada"},
            {"user_id": "bob"},
            {"tenant": "ada"},
            {"user_id": "ada", "tenant": "north"},
            {"principal": Principal(user_id="ada", tenant="south")},
        ]
        slips = [(await app.caller(idempotency_key="k-1", **one).execute(ONE)).unwrap().id for one in who]
        assert len(set(slips)) == len(who)
        assert (await app.caller(idempotency_key="k-1", **who[-1]).execute(ONE)).unwrap().id == slips[-1]
        assert (await app.caller(idempotency_key="k-1").execute(Tip(amount=ONE.amount))).is_success
        assert len(till.begun) == len(who) + 1


async def test_nothing_is_an_answer_too(each_database: Database) -> None:
    """A command that answers None is done once as well."""
    till = Till()
    async with till.app(each_database.address) as app:
        for _ in range(3):
            assert (await app.caller(idempotency_key="k-1").execute(Tip(amount=Decimal(1)))).unwrap() is None
        assert (len(till.begun), await taken(app)) == (1, 1)


async def test_a_refusal_is_not_kept(each_database: Database) -> None:
    """Nothing of it is left, so that the next one runs, and may do better; that one's answer is kept."""
    till = Till()
    till.refusals = 2
    async with till.app(each_database.address) as app:
        caller = app.caller(idempotency_key="k-1")
        for _ in range(2):
            assert isinstance((await caller.execute(ONE)).error, Refused)
        assert await caller.execute(ONE) == await caller.execute(ONE)
        assert (len(till.begun), await taken(app)) == (3, 1)


async def test_a_twin_is_told_when_it_has_waited_long_enough(each_database: Database) -> None:
    """That it may come again; the first one goes on."""
    till = Till(idempotency=Idempotency(wait=0.05))
    till.gate.clear()
    async with till.app(each_database.address) as app:
        first = asyncio.create_task(app.caller(idempotency_key="k-1").execute(ONE))
        await till.started.wait()
        error = (await app.caller(idempotency_key="k-1").execute(ONE)).error
        assert isinstance(error, KeyInFlight)
        assert error.retry_after == 1
        till.gate.set()
        done = await first
        assert await app.caller(idempotency_key="k-1").execute(ONE) == done


async def test_a_twin_may_be_refused_at_once() -> None:
    """By choice it waits for nothing, and holds nothing."""
    till = Till(idempotency=Idempotency(twin="refuse", wait=60))
    till.gate.clear()
    async with till.app() as app:
        first = asyncio.create_task(app.caller(idempotency_key="k-1").execute(ONE))
        await till.started.wait()
        told = [(await app.caller(idempotency_key="k-1").execute(ONE)).error for _ in range(3)]
        assert [type(error) for error in told] == [KeyInFlight] * 3
        till.gate.set()
        done = await first
        assert await app.caller(idempotency_key="k-1").execute(ONE) == done


async def test_who_comes_while_twins_take_turns_waits_no_longer_either() -> None:
    """Between two turns the key is nobody's for a moment: who comes just then is behind those who wait."""
    till = Till(idempotency=Idempotency(wait=0.05))
    till.refusals = 1
    till.gate.clear()
    async with till.app(audit=False) as app:
        caller = app.caller(idempotency_key="k-1")

        async def persistent() -> Any:
            refused = await caller.execute(ONE)
            till.gate.clear()
            return refused, await caller.execute(ONE)

        first = asyncio.create_task(persistent())
        await till.started.wait()
        waiting = asyncio.create_task(caller.execute(ONE))
        await asyncio.sleep(0)
        till.gate.set()
        refused, again = await asyncio.wait_for(first, 20)
        assert (type(refused.error), type(again.error)) == (Refused, KeyInFlight)
        till.gate.set()
        assert (await waiting).is_success


async def test_a_twin_waits_no_longer_than_its_deadline() -> None:
    """It is the nearer one."""
    till = Till(idempotency=Idempotency(wait=60), timeout=0.05)
    till.gate.clear()
    async with till.app() as app:
        sent = [app.caller(idempotency_key="k-1").execute(ONE) for _ in range(2)]
        ended = await asyncio.wait_for(asyncio.gather(*sent), 20)
        assert all(result.is_failure for result in ended)


async def test_an_answer_is_forgotten_after_its_time(each_database: Database) -> None:
    """A day, unless something else is said, by the clock of the application."""
    clock, till = HandClock(), Till()
    async with till.app(each_database.address, clock=clock) as app:
        first = await app.caller(idempotency_key="k-1").execute(ONE)
        clock.time += 24 * 3600 - 1
        assert await app.caller(idempotency_key="k-1").execute(ONE) == first
        clock.time += 1
        second = await app.caller(idempotency_key="k-1").execute(ONE)
        assert second.unwrap() != first.unwrap()
        assert await app.caller(idempotency_key="k-1").execute(ONE) == second


async def test_fields_may_be_the_key() -> None:
    """Whoever sends it need not say one, and one that is said means nothing; the rest of it must agree."""
    till = Till(idempotency=("account",))
    async with till.app() as app:
        first = await app.execute(ONE)
        assert await app.caller(idempotency_key="k-1").execute(ONE) == first
        assert isinstance((await app.execute(replace(ONE, amount=Decimal(2)))).error, KeyConflict)
        assert (await app.execute(replace(ONE, account="bob"))).unwrap() != first.unwrap()
    assert len(till.begun) == 2


async def test_a_function_may_make_the_key() -> None:
    """Of whatever it likes; None is no key."""
    till = Till(idempotency=lambda command: (command.notes and (command.account, len(command.notes))) or None)
    async with till.app() as app:
        assert (await app.execute(ONE)).unwrap() != (await app.execute(ONE)).unwrap()
        named = replace(ONE, notes=frozenset({"a"}))
        assert await app.execute(named) == await app.execute(named)
    assert len(till.begun) == 3


async def test_a_key_may_be_required() -> None:
    """Without one the command is invalid, and how one is given at each door is told; a part of another needs none."""
    till = Till(idempotency="required")
    async with till.app() as app:
        refused = (await app.execute(ONE)).error
        assert isinstance(refused, Invalid)
        assert all(way in refused.hint for way in ("app.caller(idempotency_key=...)", "Idempotency-Key", "--key"))
        assert (await app.caller(idempotency_key="k-1").execute(ONE)).is_success
        assert len((await app.execute(PayAll(amounts=(Decimal(1), Decimal(1))))).unwrap()) == 2


async def test_a_key_that_a_function_does_not_make_is_no_matter_of_the_sender() -> None:
    """Whatever the sender says is no key then, so nobody is told to say one."""
    till = Till(idempotency=Idempotency(key=lambda command: None, required=True))
    async with till.app() as app:
        refused = (await app.caller(idempotency_key="k-1").execute(ONE)).error
    assert isinstance(refused, Invalid)
    assert refused.hint == "what makes its key of it has made none"


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_of_a_wrong_length_is_invalid(key: str) -> None:
    """It is no key, and nothing runs without one that was to have one."""
    till = Till()
    async with till.app() as app:
        assert isinstance((await app.caller(idempotency_key=key).execute(ONE)).error, Invalid)
    assert not till.begun


async def test_the_key_is_that_of_the_outermost_command(each_database: Database) -> None:
    """What its handler sends runs each time that it does, and is undone and kept with it."""
    till = Till()
    async with till.app(each_database.address) as app:
        twice = PayAll(amounts=(ONE.amount, ONE.amount))
        first = await app.caller(idempotency_key="k-1").execute(twice)
        assert len(set(first.unwrap())) == 2
        assert await app.caller(idempotency_key="k-1").execute(twice) == first
        assert (len(till.begun), await taken(app)) == (3, 2)


async def test_a_part_that_is_undone_leaves_the_claim(each_database: Database) -> None:
    """A handler sends a command whose session writes, and which is refused: a twin elsewhere waits all the same."""
    shelves, others = Shelves(), Shelves()
    patient = Idempotency(wait=20)
    shelves.gate.clear()
    here, there = (one.app(each_database.address, idempotency=patient) for one in (shelves, others))
    async with here, there:
        first = asyncio.create_task(here.caller(idempotency_key="k-1").execute(shelves.message))
        await shelves.undone.wait()
        twin = asyncio.create_task(there.caller(idempotency_key="k-1").execute(shelves.message))
        done, _ = await asyncio.wait({twin}, timeout=0.2)
        assert not done
        shelves.gate.set()
        assert (await twin).unwrap() == (await first).unwrap() == "tidy"
        rows = await each_database.rows("SELECT name FROM till_shelf")
        assert [tuple(row) for row in rows] == [("kept",)]
    assert (shelves.runs, others.runs) == (1, 0)


async def test_a_handler_that_blocks_is_run_once(each_database: Database) -> None:
    """Where the connection of its session is, in the transaction that has the key."""
    shelves = Shelves()
    async with shelves.app(each_database.address) as app:
        for _ in range(2):
            assert (await app.caller(idempotency_key="k-1").execute(PutBlocking("a"))).unwrap() == 1
        assert len(await each_database.rows("SELECT name FROM till_shelf")) == 1


async def test_every_attempt_claims_anew(each_database: Database) -> None:
    """A command that others were faster than is decided again, and answered once."""
    till, tries = Till(), list[int]()
    module = Module("hasty")

    @dataclass(frozen=True)
    class Decide(Command[int]): ...

    @module.handler
    async def decide(command: Decide) -> int:
        tries.append(1)
        if len(tries) < 3:
            raise VersionConflict(stream="a", expected=0, actual=1)
        return len(tries)

    app = App("hasty", modules=[module, till.module], database=each_database.address)
    async with app:
        for _ in range(2):
            assert (await app.caller(idempotency_key="k-1").execute(Decide())).unwrap() == 3
    assert len(tries) == 3


async def test_a_cancelled_command_converges(each_database: Database) -> None:
    """Whenever its sender went away: sent again, it is done once, and answered."""
    till, moments = Till(), 30
    async with till.app(each_database.address) as app:
        for moment in range(moments):
            key = f"k-{moment}"
            first = asyncio.create_task(app.caller(idempotency_key=key).execute(ONE))
            for _ in range(moment):
                await asyncio.sleep(0 if moment < moments / 2 else 0.0002)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            again = [await app.caller(idempotency_key=key).execute(ONE) for _ in range(2)]
            assert again[0] == again[1]
            assert again[0].is_success
            assert await taken(app) == moment + 1


async def test_a_command_without_a_key_pays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins no transaction before it writes, and looks nothing up."""

    def never(*arguments: Any) -> Any:
        raise AssertionError

    till = Till()
    async with till.app() as app:
        monkeypatch.setattr(MemoryStore, "begin", never)
        monkeypatch.setattr(MemoryStore, "find_reply", never)
        assert (await app.execute(ONE)).is_success


async def test_a_store_that_is_away_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up before it fails as any other reading does."""

    async def away(store: MemoryStore, key: bytes, now: datetime) -> Reply | None:
        raise StoreUnavailable("away")

    till = Till()
    async with till.app() as app:
        monkeypatch.setattr(MemoryStore, "find_reply", away)
        assert isinstance((await app.caller(idempotency_key="k-1").execute(ONE)).error, StoreUnavailable)
    assert not till.begun


async def test_a_store_that_is_silent_is_waited_for_until_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up is a part of what the command may take."""

    async def silent(store: MemoryStore, key: bytes, now: datetime) -> Reply | None:
        await asyncio.Event().wait()
        return None

    till = Till(timeout=0.05)
    async with till.app() as app:
        monkeypatch.setattr(MemoryStore, "find_reply", silent)
        sent = app.caller(idempotency_key="k-1").execute(ONE)
        assert isinstance((await asyncio.wait_for(sent, 20)).error, TimedOut)
    assert not till.begun


@pytest.mark.parametrize("takes, took", [(0.9, 1.1), (5, 1.2)])
def test_what_became_of_a_commit_is_looked_for_also_after_the_deadline(
    takes: float, took: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a second: what was carried out is told, and otherwise that nobody knows."""
    commit, find = MemoryStore.commit, MemoryStore.find_reply

    async def slow(store: MemoryStore, key: bytes, now: datetime) -> Reply | None:
        await asyncio.sleep(takes)
        return await find(store, key, now)

    async def unanswered() -> Committed:
        await asyncio.sleep(0.2)
        monkeypatch.setattr(MemoryStore, "find_reply", slow)
        raise OutcomeUnknown

    async def lost(store: MemoryStore, batch: Batch) -> Committed:
        committed = await commit(store, batch)
        return committed if batch.reply is None else await carried_through(unanswered())

    async def main() -> float:
        monkeypatch.setattr(MemoryStore, "commit", lost)
        async with Till(timeout=0.1).app(clock=LoopClock()) as app:
            began = asyncio.get_running_loop().time()
            result = await app.caller(idempotency_key="k-1").execute(ONE)
            assert isinstance(result.error, OutcomeUnknown) if takes > 1 else result.is_success
            return asyncio.get_running_loop().time() - began

    assert run(main()) == pytest.approx(took)


async def test_answers_given_again_are_counted() -> None:
    """So that one sees how often clients come twice."""
    till, numbers = Till(), Numbers()
    app = till.app()
    app.observe(meter=numbers)
    async with app:
        for _ in range(3):
            await app.caller(idempotency_key="k-1").execute(ONE)
    assert numbers.counted == [("replays", "pay")] * 2


async def test_keys_may_mean_nothing() -> None:
    """Said at the handler or by the application; then there are no stages for them either."""
    for till, settings in ((Till(idempotency=None), {}), (Till(), {"idempotency": None})):
        app = till.app(**settings)
        assert not {"idempotency", "claim"} & set(explain(app, "Pay").handlers[0].stages)
        async with app:
            caller = app.caller(idempotency_key="k-1")
            assert (await caller.execute(ONE)).unwrap() != (await caller.execute(ONE)).unwrap()


async def test_what_makes_no_sense_is_a_fault() -> None:
    """A field that there is not, an answer that cannot be kept, a query, and settings out of their range."""

    @dataclass(frozen=True)
    class Find(Query[int]): ...

    @dataclass(frozen=True)
    class Ask(Command[object]): ...

    class Opaque: ...

    def find(query: Find) -> int:
        return 1

    def ask(command: Ask) -> Opaque:
        return Opaque()

    module = Till(idempotency=("acount",)).module
    module.register(Find, find, idempotency="required")
    module.register(Ask, ask, idempotency="required")
    found = {fault.code: fault.text for fault in App("till", modules=[module], database="memory:").check()}
    assert set(found) == {"idempotency", "useless_option"}
    texts = [fault.text for fault in App("till", modules=[module], database="memory:").check()]
    assert any("'acount'" in text for text in texts)
    assert any("cannot be kept" in text for text in texts)
    wrong: Any = "always"
    assert "always" in Till(idempotency=wrong).app().check()[0].text
    for settings in ({"keep": 0}, {"wait": -1}, {"twin": "fight"}, {"key": ()}, {"key": ("",)}, {"wait": True}):
        with pytest.raises(WiringError):
            Idempotency(**settings)


async def test_only_a_unit_of_work_keeps_an_answer(each_database: Database) -> None:
    """What a handler runs in the transaction of its command commits with it."""
    module, runs = Module("plain"), list[Slip]()

    @dataclass(frozen=True)
    class Run(Command[int]): ...

    @module.handler
    async def run(command: Run, unit: UnitOfWork, context: Context) -> int:
        assert unit.transaction.begun
        runs.append(Slip(id=context.message_id, amount=Decimal(1)))
        return len(runs)

    async with App("plain", modules=[module], database=each_database.address) as app:
        for _ in range(2):
            assert (await app.caller(idempotency_key="k-1").execute(Run())).unwrap() == 1


async def test_a_key_with_another_payload_is_no_replay() -> None:
    """Nothing was given again, so nothing is counted."""
    till, numbers = Till(), Numbers()
    app = till.app()
    app.observe(meter=numbers)
    async with app:
        caller = app.caller(idempotency_key="k-1")
        await caller.execute(ONE)
        assert isinstance((await caller.execute(replace(ONE, amount=ONE.amount + 1))).error, KeyConflict)
    assert numbers.counted == []


async def test_the_trail_tells_an_answer_that_was_given_again() -> None:
    """It is no second success: nothing was done for it."""
    app = Till().app()
    async with app:
        for _ in range(2):
            await app.caller(idempotency_key="k-1").execute(ONE)
        assert [entry.outcome async for entry in app.audit.entries()] == ["success", "replayed"]
