"""A projection in several versions: built beside the live one, taking its place, and going back, without loss."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from tests.app.versions import Noted, Open, Paid, Refunded, pay, record, rows_of, standing, till, total, until_status
from tests.drivers.postgres.schema import schema_of
from tests.until import none_parked, until
from twofold import App
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import NotFound, Superseded, TimedOut
from twofold.projections import PREVIOUS, drop, roll_back
from twofold.store import Batch, MemoryStore

pytestmark = pytest.mark.anyio
MANY = 1300  # three pages of a projector


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens one database again and again, as processes do that run one after the other."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "till.db")
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return lambda: PostgresStore(url, schema=schema_of(url))
    store = MemoryStore()
    return lambda: store


async def rolled_back(app: App) -> None:
    """Go back, as the command line does."""
    (projection,) = app.assembly.projections
    await roll_back(projection, app.store, app.router.catalogue)


async def test_a_newer_version_is_built_from_the_first_event_and_takes_the_place(database: Open) -> None:
    """The old rows are kept aside, with the checkpoint that belongs to them."""
    async with till(1, database()) as app:
        await record(app, *(Paid(amount=1) for _ in range(MANY)), Refunded(amount=5), Noted())
        await app.settle()
        assert await total(app.store) == MANY
    async with till(2, database()) as app:
        await app.settle()
        assert await rows_of(app.store) == [{"who": "all", "total": 2 * (MANY - 5), "events": MANY + 1}]
        assert await rows_of(app.store, PREVIOUS) == [{"who": "all", "total": MANY}]
        assert await standing(app.store) == {"sums": 2, "sums@previous": 1}
        await pay(app, 1)
        await app.settle()
        assert await total(app.store) == 2 * (MANY - 4)


async def test_a_projection_that_is_new_to_the_store_is_live_at_once(database: Open) -> None:
    """Whatever its version; there is nothing that it could stand beside."""
    async with till(2, database()) as app:
        await pay(app, 1, 2)
        await app.settle()
        assert await total(app.store) == 6
        assert await standing(app.store) == {"sums": 2}


async def until_line(caplog: pytest.LogCaptureFixture, text: str, times: int) -> None:
    """Wait until so many lines of the log have this."""

    async def are_there() -> bool:
        return sum(text in one.getMessage() for one in caplog.records) >= times

    await until(are_there)


async def test_a_store_that_knows_no_versions_has_version_1(database: Open) -> None:
    """As it is when an application from before is upgraded: its checkpoint says nothing else."""
    async with till(1, database()) as app:
        await pay(app, 1)
        await app.settle()
        await pay(app, 2)
        await app.settle()
        assert await standing(app.store) == {"sums": 1}


async def test_while_it_is_built_the_old_version_goes_on_and_the_old_rows_are_read(shared: Open) -> None:
    """Two processes side by side, and events all the time; what is built waits for the command."""
    async with till(1, shared()) as old, till(2, shared(), switch="manual") as new:
        for _ in range(20):
            await pay(old, 1)
            await pay(new, 1)
        await old.settle()
        await new.settle()
        assert await rows_of(old.store) == [{"who": "all", "total": 40}]
        assert await rows_of(old.store, "next") == [{"who": "all", "total": 80, "events": 40}]
        await until_status(new, "sums@next", "version 2 is built beside version 1")


async def test_what_is_built_and_waits_for_the_command_is_one_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However the log goes on; what is dropped meanwhile, and built anew, is told again once it is whole."""
    caplog.set_level("INFO", logger="twofold.projection")
    waits = "waits for `twofold projections switch sums`"
    async with till(1, SqliteStore(tmp_path / "till.db")) as old:
        await pay(old, 1)
        await old.settle()
    app = till(2, SqliteStore(tmp_path / "till.db"), switch="manual")
    async with app:
        await until_status(app, "sums@next", waits)
        for _ in range(3):
            await pay(app, 1)
            await app.settle()
        assert [one.getMessage() for one in caplog.records][-1] == (
            f"projection sums@next: version 2 is built beside version 1, and {waits}"
        )
        await app.projections.drop("sums", "next")
        await until_line(caplog, "built beside version 1", 4)
    lines = [one.getMessage() for one in caplog.records]
    assert [waits in line for line in lines] == [False, True, False, True]


async def test_what_becomes_of_versions_is_a_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once for each change: what is built, what has taken the place, who stands aside and why, and what is back."""
    caplog.set_level("INFO", logger="twofold.projection")
    async with till(1, SqliteStore(tmp_path / "till.db")) as old:
        await pay(old, 1)
        await old.settle()
        async with till(2, SqliteStore(tmp_path / "till.db")) as new:
            await new.settle()
            await until_status(old, "sums", "stands aside")
            await rolled_back(new)
            await until_status(old, "sums", "")
            await until_status(new, "sums", "stands aside")
    lines = [record.getMessage().removeprefix("projection ") for record in caplog.records]
    assert lines[0] == "sums@next: version 2 is built beside version 1"
    assert sorted(lines[1:]) == [
        "sums: stands aside: version 2 is live, and this process has version 1",
        "sums: stands aside: version 2 was rolled back to version 1",
        *["sums: version 1 is live again, instead of version 2"] * 2,
        *["sums: version 2 has taken the place of version 1"] * 2,
    ]


async def test_an_older_process_stands_aside_and_says_so(shared: Open) -> None:
    """It writes nothing into the rows of the new version, takes messages as before, and does not fail.

    Once nobody follows for the new version any more while events wait, that is an alarm here too.
    """
    async with till(1, shared()) as old:
        await pay(old, 1)
        await old.settle()
        async with till(2, shared()) as new:
            await new.settle()
            await pay(old, 10)
            await new.settle()
            assert await total(new.store) == 22
            await until_status(old, "sums", "stands aside: version 2 is live, and this process has version 1")
            assert [one.failures for one in await old.progress()] == [0]
    async with till(1, shared()) as old:
        await pay(old, 100)
        await old.settle()
        await until_status(old, "sums", "stands aside")
        assert await total(old.store) == 22
        (aside,) = await old.progress()
        assert (aside.lag > 0, aside.owner, aside.stuck(60)) == (True, "", True)


async def test_a_roll_back_restores_the_old_rows_and_the_old_process_goes_on(shared: Open) -> None:
    """From where it stood, nothing lost and nothing doubled; the newer process stands aside, also when it restarts."""
    async with till(1, shared()) as old:
        await pay(old, 1, 2)
        await old.settle()
        async with till(2, shared()) as new:
            await new.settle()
            await pay(new, 4)
            await until_status(old, "sums", "stands aside")
            await rolled_back(new)
            assert await rows_of(new.store) == [{"who": "all", "total": 3}]
            await until_status(old, "sums", "")
            await old.settle()
            assert await rows_of(new.store) == [{"who": "all", "total": 7}]
            await until_status(new, "sums", "stands aside: version 2 was rolled back to version 1")
        async with till(2, shared()) as new:
            await pay(new, 8)
            await old.settle()
            await until_status(new, "sums", "was rolled back")
            assert await total(new.store) == 15
            await rolled_back(new)
            await new.settle()
            assert await rows_of(new.store) == [{"who": "all", "total": 30, "events": 4}]
        assert await standing(old.store) == {"sums": 2, "sums@previous": 1}


async def test_a_version_that_was_rolled_back_is_left_for_a_newer_one(database: Open) -> None:
    """Mended and raised, it is built anew, and the one that was rolled back is dropped when it takes the place."""
    for version in (1, 2):
        async with till(version, database()) as app:
            await pay(app, 1)
            await app.settle()
            if version == 2:
                await rolled_back(app)
    async with till(3, database()) as app:
        await app.settle()
        assert await total(app.store) == 6
        assert await standing(app.store) == {"sums": 3, "sums@previous": 1}
        await drop("sums", app.store, PREVIOUS)
        assert await standing(app.store) == {"sums": 3}
        assert await rows_of(app.store, PREVIOUS) == []
        with pytest.raises(NotFound, match="no previous version"):
            await drop("sums", app.store, PREVIOUS)
        with pytest.raises(NotFound, match="no previous version"):
            await rolled_back(app)


async def test_a_newer_version_replaces_what_an_older_one_builds(shared: Open) -> None:
    """There is one place beside the live one: the newest gets it, and the other one stands aside."""
    async with till(1, shared()) as one:
        await pay(one, 1)
        await one.settle()
        async with till(2, shared(), switch="manual") as two:
            await two.settle()
            async with till(3, shared(), switch="manual") as three:
                await three.settle()
                assert await rows_of(three.store, "next") == [{"who": "all", "total": 3, "events": 1}]
                await until_status(two, "sums", "stands aside: version 3 is being built")
                assert await total(three.store) == 1


async def test_several_processes_of_the_new_version_build_one(shared: Open) -> None:
    """Whoever is faster; each event is in its rows once."""
    async with till(1, shared()) as old:
        await record(old, *(Paid(amount=1) for _ in range(MANY)))
        await old.settle()
    apps = [till(2, shared()) for _ in range(3)]
    await asyncio.gather(*(app.start() for app in apps))
    try:
        await asyncio.gather(*(pay(app, 1) for app in apps))
        for app in apps:
            await app.settle()
        assert await rows_of(apps[0].store) == [{"who": "all", "total": 2 * (MANY + 3), "events": MANY + 3}]
    finally:
        for app in apps:
            await app.stop()


async def test_what_cannot_be_built_leaves_the_live_version_alone_and_is_shown(shared: Open) -> None:
    """The old process goes on; the new one tries again."""
    failed = asyncio.Event()

    def fail(amount: int) -> None:
        if amount == 666:
            raise OSError("not this one")

    async with till(1, shared()) as old:
        await pay(old, 1, 666)
        await old.settle()
        new = till(2, shared(), look=fail)
        new.observe(observer=lambda subscription: failed.set())
        async with new:
            await failed.wait()
            (building,) = [one for one in await new.progress() if one.name == "sums@next"]
            assert "not this one" in building.error
            await pay(old, 2)
            await old.settle()
            assert await total(old.store) == 669


async def test_an_inline_version_takes_the_place_before_its_process_accepts_messages(shared: Open) -> None:
    """A process of the old version records nothing any more: its events would be missing in the new rows."""
    async with till(1, shared(), mode="inline") as old:
        await pay(old, 1, 2)
        assert await total(old.store) == 3
        async with till(2, shared(), mode="inline") as new:
            assert await rows_of(new.store) == [{"who": "all", "total": 6, "events": 2}]
            await pay(new, 4)
            assert await total(new.store) == 14
            head = await new.store.log.head()
            with pytest.raises(Superseded, match="it has version 2 in another process"):
                await pay(old, 100)
            assert await new.store.log.head() == head
            await until_status(old, "sums", "stands aside")
            assert (old.superseded, new.superseded) == (True, False)
            await rolled_back(new)
            await until_status(old, "sums", "")
            assert not old.superseded
            await pay(old, 8)
            assert await rows_of(new.store) == [{"who": "all", "total": 15}]
            with pytest.raises(Superseded, match="it has version 1 in another process"):
                await pay(new, 100)
            await rolled_back(new)
            await pay(new, 16)
            assert await rows_of(new.store) == [{"who": "all", "total": 62, "events": 5}]


async def test_an_inline_version_takes_the_place_while_writers_never_pause(shared: Open) -> None:
    """They are held back for a moment; each of their events is in the rows once, and then they stand aside."""
    async with till(1, shared(), mode="inline") as old:

        async def trade(who: str) -> int:
            paid = 1
            with suppress(Superseded):
                while True:
                    await record(old, Paid(amount=1, who=who))
                    paid += 1
            return paid

        await record(old, *(Paid(amount=1, who=who) for who in "abc"))
        traders = [asyncio.create_task(trade(who)) for who in "abc"]
        async with asyncio.timeout(60), till(2, shared(), mode="inline") as new:
            paid = await asyncio.gather(*traders)
            assert [(row["total"], row["events"]) for row in await rows_of(new.store)] == [(2 * n, n) for n in paid]


@pytest.mark.parametrize("before, after", [("inline", "async"), ("async", "inline")])
async def test_version_and_mode_may_change_together(database: Open, before: str, after: str) -> None:
    """There and back, every event is in the rows once."""
    modes = {1: before, 2: after}
    for version, expected in ((1, 1), (2, 4)):
        async with till(version, database(), mode=modes[version]) as app:  # type: ignore[arg-type] # one of two words
            await pay(app, 1)
            await app.settle()
            assert await total(app.store) == expected
            if version == 2:
                await rolled_back(app)
    async with till(1, database(), mode=modes[1]) as app:  # type: ignore[arg-type] # one of two words
        await pay(app, 1)
        await app.settle()
        assert await total(app.store) == 3


async def test_what_had_to_put_events_aside_waits_for_somebody_to_look(shared: Open) -> None:
    """Its rows would lack them; the status says so, and the live version goes on."""

    def fail(amount: int) -> None:
        if amount == 666:
            raise ValueError("never this one")

    async with till(1, shared()) as old:
        await pay(old, 1, 666)
        await record(old, Paid(amount=2))
        await old.settle()
        async with till(2, shared(), look=fail) as new:
            await until_status(new, "sums@next", "waits for a command: it has put events aside")
            assert await total(new.store) == 669
            assert await standing(new.store) == {"sums": 1, "sums@next": 2}


async def test_what_was_mended_takes_the_place_by_itself(shared: Open) -> None:
    """As soon as nothing is put aside any more, without a restart and without a command."""
    poisonous = {666}

    def fail(amount: int) -> None:
        if amount in poisonous:
            raise ValueError("not yet")

    async with till(1, shared()) as old:
        await pay(old, 1, 666)
        await old.settle()
        async with till(2, shared(), look=fail) as new:
            await until_status(new, "sums@next", "waits for a command: it has put events aside")
            poisonous.clear()
            (parked,) = await new.parked.list()
            await new.parked.retry(parked.subscription, parked.stream)
            await until_status(new, "sums@next", "")
            assert await total(new.store) == 2 * 667
            assert await standing(new.store) == {"sums": 2, "sums@previous": 1}


async def test_what_was_mended_for_one_version_is_met_again_by_the_next(shared: Open) -> None:
    """An edit holds for whoever parked the event; the log has it as it was recorded, which a new version reads."""

    def fail(amount: int) -> None:
        if amount == 666:
            raise ValueError("never this one")

    async with till(1, shared(), look=fail) as old:
        await pay(old, 666)
        await old.settle()
        (parked,) = await old.parked.list()
        await old.parked.edit(parked.subscription, parked.position, '{"amount": 5}')
        await old.parked.retry(parked.subscription, parked.stream)
        await none_parked(old)
        assert await total(old.store) == 5
    async with till(2, shared(), look=fail) as new:
        await until_status(new, "sums@next", "waits for a command: it has put events aside")
        assert [(one.subscription, one.data) for one in await new.parked.list()] == [("sums@next", None)]


async def test_a_switch_that_is_refused_is_told_and_the_live_version_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By one line in the log, and as a subscription that stands still; once what refused it is gone, it is done."""
    async with till(1, SqliteStore(tmp_path / "till.db")) as old:

        async def write(statement: str) -> None:
            transaction = old.store.begin()
            await transaction.run(lambda connection: connection.execute(statement))
            await transaction.commit(Batch())

        await write("CREATE TABLE note (who TEXT REFERENCES sums (who))")
        await pay(old, 1)
        async with till(2, SqliteStore(tmp_path / "till.db")) as new:
            await until_status(new, "sums@next", "table 'note' refers to 'sums'")
            (building,) = [one for one in await new.progress() if one.name == "sums@next"]
            assert building.failures > 0
            assert "refers to 'sums'" in building.error
            assert building.stuck(0)
            await old.settle()
            assert await total(old.store) == 1
            with pytest.raises(TimedOut, match="sums is being built, WiringError"):
                await new.settle(timeout=0.5)
            await write("DROP TABLE note")
            await new.settle()
            assert await total(old.store) == 2
            assert not any(one.failures for one in await new.progress())
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "cannot be built or take the place" in told.getMessage()
    assert "table 'note' refers to 'sums', which is rebuilt: drop the foreign key" in told.getMessage()
