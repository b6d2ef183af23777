"""Answers of queries that are kept: given again while they are new enough for who asks, and to nobody else."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from pydantic import Field, SecretStr

from tests.app.versions import Open
from tests.reliability.virtual import HandClock, settle
from tests.until import until
from twofold import App, Command, Event, EventBus, Failure, Module, NotFound, Query, QueryBus, Result, Rows, Success
from twofold.cache import Cache, Caches
from twofold.clock import SystemClock
from twofold.errors import NotYetVisible, StoreUnavailable, TimedOut, WiringError
from twofold.messages import Context, Kind, Principal
from twofold.middleware._cache import _ends_in_time
from twofold.store import MemoryStore, Store

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Priced(Event):
    """A price has changed."""

    price: int = 0


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """Something else."""


@dataclass(frozen=True, kw_only=True)
class Price(Command[None]):
    """Change the price."""

    price: int


@dataclass(frozen=True, kw_only=True)
class Note(Command[None]):
    """Do something else."""


@dataclass(frozen=True, kw_only=True)
class Prices(Query[list[int]]):
    """What it costs."""

    item: str = "tea"


class Numbers:
    """A meter that counts what stages do."""

    def __init__(self) -> None:
        self.counted = dict[str, int]()

    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None: ...

    def count(self, what: str, message: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1


@dataclass
class Shop:
    """An application with one query, which a test may hold, and whose answers it may choose."""

    cache: Any = "1m"
    said: dict[str, Any] = field(default_factory=dict[str, Any])
    answers: list[Any] = field(default_factory=list[Any])
    """What the query answers, one after the other; what is raised if it is an exception; afterwards the price."""
    asked: int = 0
    gates: list[asyncio.Event] = field(default_factory=list[asyncio.Event])
    """What each question waits for once it has read, one after the other."""
    numbers: Numbers = field(default_factory=Numbers)
    price: int = 1
    held: bool = False

    def module(self) -> Module:
        module = Module("shop")
        module.events(Noted, Priced)

        @module.handler(cache=self.cache, **self.said)
        async def prices(query: Prices) -> Result[list[int]]:
            self.asked += 1
            answer = self.answers.pop(0) if self.answers else [self.price]
            if self.gates:
                await self.gates.pop(0).wait()
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, Failure) else Success(answer)

        @module.handler
        async def price(command: Price, bus: EventBus) -> None:
            self.price = command.price
            await bus.publish(Priced(price=command.price))

        @module.handler
        async def note(command: Note, bus: EventBus) -> None:
            await bus.publish(Noted())

        return module

    def app(self, database: "Store | str" = "memory:", **options: Any) -> App:
        app = App("shop", modules=[self.module()], database=database, **options)
        app.observe(meter=self.numbers)
        return app


async def asked(shop: Shop, times: int) -> None:
    """Return once the query was asked so often."""
    await until(lambda: shop.asked >= times)


async def test_an_answer_is_given_again_until_its_time_is_over() -> None:
    """It is counted, too; and another query has another answer."""
    clock, shop = HandClock(), Shop()
    async with shop.app(clock=clock) as app:
        for item in ("tea", "tea", "milk"):
            assert await app.execute(Prices(item=item)) == Success([1])
        assert (shop.asked, shop.numbers.counted) == (2, {"cache_misses": 2, "cache_hits": 1})
        clock.time += 59
        await app.execute(Prices())
        assert shop.asked == 2
        clock.time += 1
        await app.execute(Prices())
        assert shop.asked == 3


async def test_a_failure_is_never_kept() -> None:
    """Nor what is answered instead by a fallback, be it that of a query inside."""
    shop = Shop(said={"fallback": lambda: [0]}, answers=[Failure(NotFound("none")), StoreUnavailable("away"), [2]])
    async with shop.app() as app:
        assert (await app.execute(Prices())).is_failure
        assert [await app.execute(Prices()) for _ in range(3)] == [Success([0]), Success([2]), Success([2])]


@pytest.mark.parametrize("scope, given", [("principal", 5), ("tenant", 3), ("all", 1)])
async def test_an_answer_is_for_whom_it_was_made(scope: Any, given: int) -> None:
    """By default nobody is given another one's answer: not in another tenant, nor with other roles."""
    shop = Shop(cache=Cache("1m", scope=scope))
    who = [
        Principal(user_id="ada", tenant="a"),
        Principal(user_id="bob", tenant="a"),
        Principal(user_id="ada", tenant="b"),
        Principal(user_id="ada", tenant="a", roles=frozenset({"owner"})),
    ]
    async with shop.app() as app:
        for _ in range(2):
            await app.execute(Prices())
            for one in who:
                await app.caller(principal=one).execute(Prices())
    assert shop.asked == given


async def test_who_asks_at_once_is_answered_by_one_question() -> None:
    """All are given an answer of their own."""
    gate = asyncio.Event()
    shop = Shop(gates=[gate])
    async with shop.app() as app:
        asking = [asyncio.ensure_future(app.execute(Prices())) for _ in range(20)]
        await asked(shop, 1)
        gate.set()
        answers = [one.unwrap() for one in await asyncio.gather(*asking)]
        assert (shop.asked, answers) == (1, [[1]] * 20)
        answers[0].append(7)
        assert await app.execute(Prices()) == Success([1])
        assert answers[1] == [1]


@pytest.mark.parametrize("end", ["cancelled", "too late", "not visible", "crashed"])
async def test_who_asks_first_and_gets_nothing_takes_nobody_along(end: str) -> None:
    """The next of those who wait asks for all the others, and what it is told is kept."""
    gates = [asyncio.Event(), asyncio.Event()]
    behind = NotYetVisible(position=2, reached=1, behind=["shelf"], waited=0.0)
    failed = {"too late": Failure(TimedOut("too late")), "not visible": Failure(behind), "crashed": KeyError("bug")}
    first = failed.get(end, [1])
    shop = Shop(gates=gates.copy(), answers=[first, [2]])
    async with shop.app() as app:
        asking = [asyncio.ensure_future(app.execute(Prices())) for _ in range(100)]
        await asked(shop, 1)
        if end == "cancelled":
            asking[0].cancel()
        gates[0].set()
        await asked(shop, 2)
        await settle()
        assert shop.asked == 2
        gates[1].set()
        lost, *others = await asyncio.gather(*asking, return_exceptions=True)
        assert others == [Success([2])] * 99
        assert isinstance(lost, (Failure, BaseException))
        assert await app.execute(Prices()) == Success([2])
        assert shop.asked == 2


async def test_each_who_gets_nothing_is_followed_by_one() -> None:
    """However many of them there are; the last one is told what the handler says."""
    gate = asyncio.Event()
    shop = Shop(gates=[gate], answers=[KeyError("bug"), Failure(TimedOut("too late")), KeyError("bug"), [4]])
    async with shop.app() as app:
        asking = [asyncio.ensure_future(app.execute(Prices())) for _ in range(6)]
        await asked(shop, 1)
        gate.set()
        ended = await asyncio.gather(*asking, return_exceptions=True)
        assert ended[3:] == [Success([4])] * 3
        assert shop.asked == 4


@pytest.mark.parametrize("failure", [NotFound("none"), StoreUnavailable("away")])
@pytest.mark.parametrize("raised", [False, True])
async def test_a_failure_is_the_answer_of_those_who_waited_for_it(failure: Exception, raised: bool) -> None:
    """And of nobody who asks later."""
    gate = asyncio.Event()
    shop = Shop(gates=[gate], answers=[failure if raised else Failure(failure)])
    async with shop.app() as app:
        asking = [asyncio.ensure_future(app.execute(Prices())) for _ in range(100)]
        await asked(shop, 1)
        gate.set()
        assert [one.error for one in await asyncio.gather(*asking)] == [failure] * 100
        assert shop.asked == 1
        assert shop.numbers.counted == {"cache_misses": 100}
        assert await app.execute(Prices()) == Success([1])


@pytest.mark.parametrize("change", ["event", "own write", "tag"])
async def test_a_refusal_from_before_a_change_is_no_answer_after_it(change: str) -> None:
    """One who asked while it was on its way, but after the change, is told what holds since."""
    gate = asyncio.Event()
    said: dict[str, Any] = {"event": {"invalidated_by": (Priced,)}, "own write": {}, "tag": {"tags": ("prices",)}}
    shop = Shop(cache=Cache("1h", scope="all", **said[change]), gates=[gate], answers=[Failure(NotFound("none"))])
    async with shop.app() as app:
        caller = app.caller()
        before = asyncio.ensure_future(app.execute(Prices()))
        await asked(shop, 1)
        if change == "tag":
            caches = await app.get(Caches)  # type: ignore[type-abstract]  # asked for by its protocol
            shop.price = 2
            await caches.drop("prices")
        else:
            await (caller if change == "own write" else app).execute(Price(price=2))
        after = [asyncio.ensure_future(caller.execute(Prices())) for _ in range(5)]
        await settle()
        gate.set()
        assert isinstance((await before).error, NotFound)
        assert await asyncio.gather(*after) == [Success([2])] * 5
        assert shop.asked == 2


async def test_no_wait_for_another_ones_question_outlasts_a_deadline() -> None:
    """Who waits asks for itself then."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    context = Context(deadline=SystemClock().monotonic() + 0.01)
    async with asyncio.timeout(5):
        assert not await _ends_in_time(never, context)
    assert not never.cancelled()


async def test_the_first_answer_is_the_same_as_all_later_ones() -> None:
    """In the shape that the handler promises."""
    shop = Shop(answers=[(1, 2)])
    async with shop.app() as app:
        assert [await app.execute(Prices()) for _ in range(2)] == [Success([1, 2])] * 2
        assert shop.asked == 1


async def test_an_event_ends_what_was_answered_before() -> None:
    """At once in the process that records it, and no other event does."""
    shop = Shop(cache=Cache("1h", invalidated_by=(Priced,)))
    async with shop.app() as app:
        assert await app.execute(Prices()) == Success([1])
        for price in range(2, 6):
            await app.execute(Price(price=price))
            assert [await app.execute(Prices()) for _ in range(2)] == [Success([price])] * 2
        await app.execute(Note())
        await app.execute(Prices())
        assert shop.asked == 5


async def test_an_answer_that_was_on_its_way_when_an_event_came_is_not_given_after_it() -> None:
    """Neither from where it is kept, nor to who asked while it was on its way, but after the event."""
    gate, second = asyncio.Event(), asyncio.Event()
    shop = Shop(cache=Cache("1h", invalidated_by=(Priced,)), gates=[gate, second])
    async with shop.app() as app:
        before = asyncio.ensure_future(app.execute(Prices()))
        await asked(shop, 1)
        await app.execute(Price(price=2))
        after = [asyncio.ensure_future(app.execute(Prices())) for _ in range(5)]
        await asyncio.sleep(0)
        gate.set()
        assert await before == Success([1])
        await asked(shop, 2)
        second.set()
        assert await asyncio.gather(*after) == [Success([2])] * 5
        assert await app.execute(Prices()) == Success([2])
        assert shop.asked == 2


async def test_an_event_of_another_process_ends_it(shared: Open) -> None:
    """Whoever records it."""
    one, other = Shop(cache=Cache("1h", invalidated_by=(Priced,))), Shop()
    async with one.app(shared()) as app, other.app(shared()) as elsewhere:
        assert await app.execute(Prices()) == Success([1])
        one.price = 2
        assert await app.execute(Prices()) == Success([1])
        await elsewhere.execute(Price(price=2))
        assert app.assembly.caching is not None
        newest, before = app.assembly.caching.newest, one.asked
        await until(lambda: newest.needed(["priced"]) > 0)
        assert await app.execute(Prices()) == Success([2])
        assert before == 1
        assert one.asked == 2


async def test_what_a_projection_has_not_seen_is_not_kept_as_if_it_had() -> None:
    """An answer read before the projection came to the event ends with the event, though it was asked for later."""
    shop = Shop(cache=Cache("1h", invalidated_by=(Priced,)), held=True)
    module = shop.module()

    @dataclass(frozen=True, kw_only=True)
    class Shelf(Query[list[int]]):
        """What the projection shows."""

    @module.projection("shelf", tables=["shelf"])
    class Shelved:
        def priced(self, event: Priced, rows: Rows) -> None:
            if shop.held:
                raise ConnectionError("held")
            rows.upsert("shelf", {"price": event.price})

    @module.handler(cache=shop.cache)
    async def shelf(query: Shelf, store: MemoryStore) -> list[int]:
        return await store.read(lambda tables: [row["price"] for row in tables.rows("shelf")])

    store = MemoryStore()
    app = App("shop", modules=[module], database=store)
    app.override(MemoryStore, store)
    async with app:
        await app.execute(Price(price=2))
        assert [await app.execute(Shelf()) for _ in range(2)] == [Success([])] * 2
        shop.held = False
        await app.settle()
        assert await app.execute(Shelf()) == Success([2])


async def test_a_caller_sees_what_it_has_written() -> None:
    """Also where no event ends an answer: others are still given it."""
    shop = Shop(cache=Cache("1h", scope="all"))
    async with shop.app() as app:
        writer, reader = app.caller(), app.caller()
        await reader.execute(Prices())
        await writer.execute(Price(price=2))
        assert await reader.execute(Prices()) == Success([1])
        assert await writer.execute(Prices()) == Success([2])
        assert await reader.execute(Prices()) == Success([2])
        assert shop.asked == 2


async def test_who_waited_for_another_one_is_not_given_what_has_not_seen_its_own_write() -> None:
    """Though it was asked after the write: what it reads had not come so far. The writer asks for itself."""
    gates = [asyncio.Event(), asyncio.Event()]
    shop, waiting = Shop(held=True), gates.copy()
    module = shop.module()

    @dataclass(frozen=True, kw_only=True)
    class Shelf(Query[list[int]]):
        """What the projection shows."""

    @module.projection("shelf", tables=["shelf"])
    class Shelved:
        def priced(self, event: Priced, rows: Rows) -> None:
            if shop.held:
                raise ConnectionError("held")
            rows.upsert("shelf", {"price": event.price})

    @module.handler(cache=Cache("1h", scope="all"))
    async def shelf(query: Shelf, store: MemoryStore) -> list[int]:
        found = await store.read(lambda tables: [row["price"] for row in tables.rows("shelf")])
        shop.asked += 1
        if waiting:
            await waiting.pop(0).wait()
        return found

    store = MemoryStore()
    app = App("shop", modules=[module], database=store)
    app.override(MemoryStore, store)
    async with app:
        writer = app.caller()
        first = asyncio.ensure_future(app.execute(Shelf()))
        await asked(shop, 1)
        await writer.execute(Price(price=2))
        second, own = (asyncio.ensure_future(one.execute(Shelf())) for one in (app, writer))
        await settle()
        first.cancel()
        await asked(shop, 2)
        shop.held = False
        await app.settle()
        gates[1].set()
        assert await second == Success([])
        assert await own == Success([2])
        assert shop.asked == 3


async def test_tags_are_dropped_by_hand() -> None:
    """Also an answer that is on its way."""
    gate = asyncio.Event()
    shop = Shop(cache=Cache("1h", tags=("prices",)), gates=[gate])
    async with shop.app() as app:
        caches = await app.get(Caches)  # type: ignore[type-abstract]  # asked for by its protocol
        before = asyncio.ensure_future(app.execute(Prices()))
        await asked(shop, 1)
        shop.price = 2
        await caches.drop("prices", "others")
        gate.set()
        assert await before == Success([1])
        assert [await app.execute(Prices()) for _ in range(2)] == [Success([2])] * 2
        await caches.drop("others")
        await app.execute(Prices())
        assert shop.asked == 2


async def test_while_the_log_is_out_of_sight_nothing_is_given_that_an_event_may_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once; and given again once the log is back."""
    monkeypatch.setattr("twofold.app._caching._POLL", 0.001)
    store, shop = MemoryStore(), Shop(cache=Cache("1h", invalidated_by=(Priced,)))
    head = store.log.head

    async def away() -> int:
        raise StoreUnavailable("away")

    async with shop.app(store) as app:
        assert app.assembly.caching is not None
        newest = app.assembly.caching.newest
        await app.execute(Prices())
        monkeypatch.setattr(type(store.log), "head", lambda self: away())
        await until(lambda: not newest.sure)
        await app.execute(Prices())
        assert shop.asked == 2
        monkeypatch.setattr(type(store.log), "head", lambda self: head())
        await until(lambda: newest.sure)
        await app.execute(Prices())
        assert shop.asked == 2
    assert [one.getMessage() for one in caplog.records if one.name == "twofold.cache"] == [
        "answers are not given again: the log is out of sight"
    ]


async def test_a_query_whose_encoding_does_not_hold_all_of_it_is_never_mistaken_for_another() -> None:
    """One with a secret, or with a field that is left out when it is written."""
    module, seen = Shop().module(), list[str]()

    @dataclass(frozen=True, kw_only=True)
    class Open(Query[str]):
        """Show what the password opens."""

        password: SecretStr
        hidden: Annotated[str, Field(exclude=True)] = ""

    @module.handler(cache="1h")
    async def open_(query: Open) -> str:
        seen.append(query.password.get_secret_value() + query.hidden)
        return seen[-1]

    async with App("secret", modules=[module], database="memory:") as app:
        for password in ("one", "two"):
            assert await app.execute(Open(password=SecretStr(password))) == Success(password)
        assert await app.execute(Open(password=SecretStr("**********"), hidden="!")) == Success("**********!")
        assert await app.execute(Open(password=SecretStr("**********"), hidden="?")) == Success("**********?")


async def test_a_query_inside_a_command_asks_for_itself() -> None:
    """The command may have written what nobody else sees yet."""
    shop = Shop(cache="1h")
    module = shop.module()

    @dataclass(frozen=True, kw_only=True)
    class Look(Command[list[int]]):
        """Look at the prices."""

    @module.handler
    async def look(command: Look, bus: QueryBus) -> list[int]:
        return (await bus.execute(Prices())).unwrap()

    async with App("shop", modules=[module], database="memory:") as app:
        await app.execute(Prices())
        shop.price = 2
        assert await app.execute(Look()) == Success([2])
        assert await app.execute(Prices()) == Success([1])


async def test_an_answer_that_would_come_out_otherwise_is_not_kept() -> None:
    """It is counted, and given as it is."""
    module, numbers = Shop().module(), Numbers()

    @dataclass(frozen=True, kw_only=True)
    class Odd(Query[dict[tuple[int, int], int]]):
        """Keys that JSON does not have."""

    @module.handler(cache="1h")
    async def odd(query: Odd) -> dict[tuple[int, int], int]:
        return {(1, 2): 3}

    app = App("odd", modules=[module], database="memory:")
    app.observe(meter=numbers)
    async with app:
        for _ in range(2):
            assert await app.execute(Odd()) == Success({(1, 2): 3})
    assert numbers.counted == {"cache_misses": 2, "cache_refusals": 2}


def _untyped(module: Module) -> None:
    @dataclass(frozen=True)
    class Untyped(Query[Any]):
        """Answers anything."""

    @module.handler(cache="1m")
    async def untyped(query: Untyped): ...  # type: ignore[no-untyped-def]  # nobody knows what


def _said(cache: Any) -> Callable[[Module], None]:
    def add(module: Module) -> None:
        @module.handler(cache=cache)
        async def prices(query: Prices) -> list[int]: ...  # type: ignore[empty-body]  # declared, never called

    return add


@pytest.mark.parametrize(
    "add, text",
    [
        (_untyped, "does not say what it answers"),
        (_said("soon"), "has to be seconds"),
        (_said(0), "has to be seconds"),
        (_said(Cache("1m", invalidated_by=(int,))), "no event that this application knows"),
    ],
)
def test_what_cannot_be_kept_keeps_an_application_from_starting(add: Callable[[Module], None], text: str) -> None:
    """With a fault that says what is wrong."""
    module = Module("faulty")
    add(module)
    faults = App("faulty", modules=[module], database="memory:").check()
    (told,) = [fault.text for fault in faults if fault.code == "wrong_setting"]
    assert text in told


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Cache("1m", tags="prices"),  # type: ignore[arg-type]  # the mistake
        lambda: Cache("1m", invalidated_by=Priced),  # type: ignore[arg-type]  # the mistake
        lambda: Cache("1m", scope="mine"),  # type: ignore[arg-type]  # the mistake
        lambda: Cache("1m", store="memcached://user:secret@host"),
        lambda: Cache(True),
    ],
)
def test_settings_are_checked(wrong: Callable[[], object]) -> None:
    """And nothing of an address is told but its scheme."""
    with pytest.raises(WiringError) as caught:
        wrong()
    assert "secret" not in str(caught.value)
