"""A stream that was closed leaves holes: whoever follows, waits, rebuilds or replays passes them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from examples._demo.database import Database, PostgresSchema
from tests.app.test_live import EVENTS, Look, record, till
from tests.app.test_replay import last, recorded
from tests.app.test_switch import SUMS, Open, Paid, sums
from tests.app.wallets import PutIn, wallet_app
from twofold import App, Command, Module, Query, Rows, UnitOfWork
from twofold.app._database import store_of
from twofold.app.administration import administering
from twofold.app.replay import EventsGone, replaying
from twofold.app.streams import tombstone
from twofold.dispatch import Mode
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import StreamClosed
from twofold.store import INLINE, MemoryStore, Store

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Pay(Command[None]):
    till: str
    amounts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Total(Query[int]):
    pass


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens one database again and again."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "tills.db")
    if request.param == "postgres":
        schema: PostgresSchema = request.getfixturevalue("postgres_schema")
        return lambda: store_of(schema.address, "tills")
    store = MemoryStore()
    return lambda: store


def tills(store: Store, mode: Mode | None = "async") -> tuple[App, list[int]]:
    """Tills that add up what is paid, and what a reaction has seen of it."""
    module, seen = Module("tills"), list[int]()
    module.events(Paid)
    module.state(SUMS)

    @module.handler
    async def pay(command: Pay, unit: UnitOfWork) -> None:
        unit.append(f"till-{command.till}", *(Paid(amount=amount) for amount in command.amounts))

    @module.handler(reads=["sums"] if mode else [])
    async def total(query: Total) -> int:
        return (await sums(store))[1]

    if mode is None:
        return App("tills", modules=[module], database=store), seen

    @module.projection("sums", mode=mode, tables=[SUMS])
    class Sums:
        def paid(self, event: Paid, rows: Rows) -> None:
            rows.add(SUMS, {"name": "all"}, events=1, total=event.amount)

    @module.on(Paid)
    async def see(event: Paid) -> None:
        seen.append(event.amount)

    return App("tills", modules=[module], database=store), seen


async def pay_and_close(store: Store) -> None:
    """Nine payments by nobody who follows them, at positions 1 to 9, of which 1, 2, 5, 6, 8 and 9 leave the log."""
    app, _ = tills(store, None)
    async with app:
        for till, amounts in (("a", (1, 2)), ("b", (10, 20)), ("a", (3, 4)), ("c", (30,)), ("a", (5, 6))):
            await app.execute(Pay(till=till, amounts=amounts))
        await tombstone(app, "till-a")


async def test_whoever_follows_passes_the_holes(database: Open) -> None:
    """At the beginning, in the middle and at the end; what comes behind them is seen once, also after a restart."""
    await pay_and_close(database())
    for amount, total in ((100, 160), (200, 360)):
        store = database()
        app, seen = tills(store)
        async with app:
            await app.settle()
            await app.execute(Pay(till="b", amounts=(amount,)))
            await app.settle()
            assert (await sums(store))[1] == total
            assert seen[-1:] == [amount]


async def test_whoever_has_seen_what_is_gone_goes_on(database: Open) -> None:
    """A projection keeps what it has made, and a caller's query finds the end of the log reached."""
    store = database()
    app, seen = tills(store)
    async with app:
        await app.execute(Pay(till="a", amounts=(1, 2)))
        await app.settle()
        await tombstone(app, "till-a")
        await app.settle()
        assert await app.has_reached(2)
        assert isinstance((await app.execute(Pay(till="a", amounts=(9,)))).error, StreamClosed)
        await app.execute(Pay(till="b", amounts=(10,)))
        await app.settle()
        assert (await sums(store), seen) == ((3, 13), [1, 2, 10])


async def test_a_caller_does_not_wait_for_what_is_gone(database: Open) -> None:
    """Its own writes have left the log before any projection saw them: its query is answered all the same."""
    await pay_and_close(database())
    store = database()
    app, _ = tills(store)
    async with app:
        assert (await app.caller(position=9, wait=5).execute(Total())).unwrap() == 60


@pytest.mark.parametrize("modes", [("async", "inline"), ("inline", "async")])
async def test_a_projection_changes_its_mode_over_holes(database: Open, modes: tuple[Mode, Mode]) -> None:
    """It has caught up behind the last one before it is inline, and misses nothing when it is so no more."""
    await pay_and_close(database())
    for mode, total in zip(modes, (60, 60), strict=True):
        store = database()
        app, _ = tills(store, mode)
        async with app:
            await app.settle()
            assert (await sums(store))[1] == total
            assert ((await store.checkpoints.get("sums")).position == INLINE) is (mode == "inline")


async def test_a_rebuild_is_without_what_is_gone(each_database: Database) -> None:
    """And comes to its end."""
    app, _ = tills(store_of(each_database.address, "tills"))
    async with app:
        await app.execute(Pay(till="a", amounts=(1, 2)))
        await app.execute(Pay(till="b", amounts=(10,)))
        await app.execute(Pay(till="a", amounts=(3,)))
        await app.settle()
        await tombstone(app, "till-a")
    store = store_of(each_database.address, "tills")
    again, _ = tills(store)
    async with administering(again) as administration:
        assert await administration.reset("sums")
        assert await sums(store) == (1, 10)


async def test_the_log_is_folded_live_without_what_is_gone(each_database: Database) -> None:
    """When somebody reads."""
    async with App("till", modules=[till("live")], database=each_database.address) as app:
        await record(app, *EVENTS)
        await tombstone(app, "account-ada")
        assert (await app.execute(Look())).unwrap() == ([["bob", "closed", "2.00", "1"]], [["all", "2.00"]])


async def test_a_replay_tells_what_has_left_the_log(each_database: Database) -> None:
    """A command that has recorded in a closed stream cannot be replayed; one beside it is, and comes to the same."""
    async with recorded(each_database.address) as (app, ada, bob):
        await app.execute(PutIn(wallet=bob, amount=7))
        await tombstone(app, f"wallet-{ada}")
        await app.execute(PutIn(wallet=bob, amount=8))
    async with replaying(wallet_app(each_database.address)) as replays:
        found = [one async for one in replays.audit.entries(message="put_in")]
        with pytest.raises(EventsGone, match="has left the log"):
            await replays.of(found[0])
        for entry in found[1:]:
            assert (await replays.of(entry)).same
        assert (await last(replays, "put_in")).same


async def test_the_refusal_says_so_to_a_handler(database: Open) -> None:
    """By its class and category, once the unit of work commits."""
    await pay_and_close(database())
    app, _ = tills(database(), None)
    async with app:
        error = (await app.execute(Pay(till="a", amounts=(1,)))).error
        assert isinstance(error, StreamClosed)
        assert (error.category, error.stream) == ("gone", "till-a")
