"""Personal data: encrypted wherever it is kept, and unreadable everywhere once the key of its subject is destroyed."""

import logging
from typing import Any

import pytest

from examples._demo.database import Database
from tests.personal.shop import (
    CANARY,
    Home,
    Introduce,
    Introduced,
    Register,
    Registered,
    RegisterFailed,
    Shop,
    dump,
)
from twofold import App, Erased, NotFound, SubjectErased
from twofold.app.replay import replaying
from twofold.clock import new_id
from twofold.errors import StoreUnavailable, Undecodable
from twofold.personal import KeyUnknown, MemoryKeyStore, PersonalStore, SubjectGone, Vault
from twofold.store import IF_INTERRUPTED, Append, Batch, Draft, MemoryStore, decode, foundation, from_header

pytestmark = pytest.mark.anyio

ADA = Register(customer="7f3", email=CANARY)


async def test_nothing_that_is_kept_shows_it_and_nothing_reads_it_afterwards(
    each_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A canary goes through log, attempts, audit, replies and parked events, and every byte is searched for it."""
    caplog.set_level(logging.DEBUG)
    shop = Shop()
    shop.refusing = True
    quiet = shop.app(each_database.address)
    quiet.observe(observer=lambda trouble: None)  # what an exception quotes would be in its traceback
    async with quiet as app:
        caller = app.caller(idempotency_key="k-1")
        assert (await caller.execute(ADA)).unwrap() == CANARY
        assert (await app.execute(Register(customer="7f3", email=CANARY, then="no"))).is_failure
        await app.execute(Introduce(customer="7f3", friend="b2", email=CANARY, name="Grace"))
        await app.settle()
        (parked,) = await app.parked.list()
        assert CANARY in parked.cause
        assert await seen(app) == {CANARY}
        assert CANARY in (await shown(app))
        assert (await app.caller(idempotency_key="k-1").execute(ADA)).unwrap() == CANARY
        before = await dump(each_database)
        assert b"customer-7f3" in before

        done = await app.erase("customer:7f3", user_id="dpo")
        assert done.events == {"introduced": 1, "register_failed": 3, "registered": 1}
        assert done.audit == {"introduce": 1, "register": 3}
        assert sum(done.parked.values()) == 1
        assert (done.forgetting, done.remembering) == (("directory",), ("introductions",))

        assert await seen(app) == {Erased()}
        (parked,) = await app.parked.list()
        assert (parked.cause, parked.trace) == ("erased", "erased")
        assert CANARY not in await shown(app)
        again = await app.caller(idempotency_key="k-1").execute(ADA)
        assert isinstance(again.error, SubjectGone)
        assert (await app.audit.verify()).flaw is None
    for kept in (before, await dump(each_database), caplog.text.encode()):
        assert CANARY.encode() not in kept
        assert CANARY.encode().hex().encode() not in kept


async def test_projections_are_told_and_a_rebuild_reads_markers(each_database: Database) -> None:
    """A projection that handles `SubjectErased` forgets, and what is built anew from the log knows nothing again."""
    shop = Shop()
    async with shop.app(each_database.address) as app:
        await app.execute(ADA)
        await app.settle()
        await app.erase("customer:7f3")
        await app.settle()
        assert await each_database.rows("SELECT customer FROM directory") == []
        await app.execute(Introduce(customer="c9", friend="b2", email="c@example.org", name="Grace"))
        await app.erase("friend:b2")
        await app.projections.reset("introductions")
        assert len(await each_database.rows("SELECT customer FROM introductions WHERE known")) == 1
    async with shop.app(each_database.address) as app:
        introduced = [fact for fact in await facts(app) if isinstance(fact, Introduced)]
        assert [(one.email, one.name) for one in introduced] == [("c@example.org", Erased())]


async def test_a_replay_of_what_is_erased_reads_markers_and_leaves_no_plain_copy(each_database: Database) -> None:
    """The command can be read no more; others are replayed as before, on a copy that is encrypted too."""
    shop = Shop()
    async with shop.app(each_database.address) as app:
        await app.execute(ADA)
        await app.execute(Register(customer="c9", email="c@example.org"))
        entries = [entry async for entry in app.audit.entries(message="register")]
        async with replaying(app) as replays:
            assert (await replays.of(entries[1])).same
        await app.erase("customer:7f3")
        async with replaying(app) as replays:
            assert (await replays.of(entries[1])).same
            with pytest.raises(Undecodable):
                await replays.of(entries[0])
            async with replays._copy.at(await app.store.log.head()) as copied:
                kept = [one.data for one in await copied.log.read(0, until=100, limit=100)]
        assert b"c9" in b"".join(kept)
        assert b"@example.org" not in b"".join(kept)


async def test_no_personal_data_of_an_erased_subject_is_recorded() -> None:
    """The command is refused and nothing of it is written; its entry in the trail has the marker."""
    async with Shop().app() as app:
        await app.execute(ADA)
        await app.erase("customer:7f3")
        result = await app.execute(ADA)
        assert isinstance(result.error, SubjectGone)
        assert len(await app.store.log.read_stream("customer-7f3")) == 1
        last = [entry async for entry in app.audit.entries(message="register", newest=True, limit=1)]
        assert CANARY not in last[0].payload


async def test_erasing_twice_tells_it_once() -> None:
    """The second time reports the same, and records nothing."""
    async with Shop().app() as app:
        await app.execute(ADA)
        first = await app.erase("customer:7f3")
        head = await app.store.log.head()
        assert await app.erase("customer:7f3") == first
        assert await app.store.log.head() == head
        told = [fact for fact in await facts(app) if isinstance(fact, SubjectErased)]
        assert told == [SubjectErased(kind="customer", id="7f3")]
        assert [entry.payload async for entry in app.audit.entries(message="twofold.erase")] == [
            '{"subject":"customer:7f3"}'
        ]


async def test_whom_the_application_does_not_know_is_told() -> None:
    """A kind that no message has is refused; a subject without data is erased, and gets no key any more."""
    async with Shop().app() as app:
        with pytest.raises(NotFound, match="customer, friend"):
            await app.erase("customr:7f3")
        assert (await app.erase("customer:none")).key is None
        assert isinstance((await app.execute(Register(customer="none", email=CANARY))).error, SubjectGone)


async def test_a_ciphertext_in_another_place_reads_as_nothing(each_database: Database) -> None:
    """Moved to the event of another subject it is refused by its associated data, and no other event suffers."""
    shop = Shop()
    async with shop.app(each_database.address) as app:
        for customer in ("7f3", "c9"):
            await app.execute(Register(customer=customer, email=f"{customer}@example.org"))
        raw = foundation(app.store)
        (one,) = await raw.log.read_stream("customer-7f3")
        moved = Draft(new_id(), one.type, one.schema_version, one.data, one.headers, one.time, one.tags)
        await raw.commit(Batch(appends=(Append("customer-c9", (moved,)),)))
        whole, stolen = await app.store.log.read_stream("customer-c9")
        assert [fact.event.email for fact in decode(app.router.catalogue, [whole])] == ["c9@example.org"]
        with pytest.raises(Undecodable, match="encrypted for another place"):
            decode(app.router.catalogue, [stolen])


async def test_without_the_keys_nothing_is_skipped_and_nothing_is_taken_for_erased() -> None:
    """While the key store does not answer, or is another one, reading fails and is tried again; nothing is parked."""
    keys, database = Failing(), MemoryStore()
    shop = Shop(keys.store)
    async with shop.app(database) as app:
        await app.execute(ADA)
        await app.settle()
        keys.down = True
        result = await app.execute(Register(customer="new", email=CANARY))
        assert isinstance(result.error, StoreUnavailable)
        vault: Any = app.store
        vault.vault.forget("customer:7f3")
        with pytest.raises(StoreUnavailable):
            await facts(app)
        keys.down = False
        assert await seen(app) == {CANARY}
        other = PersonalStore(database, app.router.catalogue, Vault(MemoryKeyStore(), app.clock.monotonic))
        with pytest.raises(KeyUnknown, match="never had"):
            await other.log.read(0, until=await other.log.head(), limit=10)
        assert not await app.parked.list()


class Failing:
    """A key store that may be down."""

    def __init__(self) -> None:
        self.down = False
        self._keys = MemoryKeyStore()

    @property
    def store(self) -> Any:
        """It, as one."""
        return self

    def __getattr__(self, name: str) -> Any:
        if self.down:
            raise StoreUnavailable("the key database does not answer")
        return getattr(self._keys, name)


async def seen(app: App) -> set[object]:
    """What the log has for the address of Ada, in events and beside the beginnings of attempts."""
    found = set[object]()
    for event in await facts(app):
        if isinstance(event, Registered):
            home = event.home
            found |= {event.email, home.street if isinstance(home, Home) else home}
        elif isinstance(event, Introduced | RegisterFailed):
            found.add(event.email)
    log = app.store.log
    for entry in await log.read(0, until=await log.head(), limit=100):
        if IF_INTERRUPTED in entry.headers:
            failed: Any = from_header(app.router.catalogue, entry.headers[IF_INTERRUPTED])
            found.add(failed.email)
    return found


async def shown(app: App) -> str:
    """What people are shown of the first command."""
    (entry,) = [entry async for entry in app.audit.entries(message="register", limit=1)]
    return (await app.audit.get(entry.message_id)).payload


async def facts(app: App) -> list[Any]:
    """The events of the log, as handlers see them."""
    log = app.store.log
    return [fact.event for fact in decode(app.router.catalogue, await log.read(0, until=await log.head(), limit=100))]
