"""`given`, `when`, `then` with a store: applications, modules and handlers, and what is left of them."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from threading import Lock

import pytest

from examples.orders import app as orders_app
from examples.orders.commands import PayOrder, pay_order
from examples.orders.domain import Order, OrderPlaced, WrongAmount
from tests.testing.queueing import Book, BookAdded, Marked, Reserve, Reserved, library
from tests.testing.stall import (
    CountSold,
    Post,
    Sell,
    Sold,
    SoldOut,
    SoldRow,
    Stock,
    Stocked,
    StockRow,
    Thanked,
    stall,
)
from tests.testing.tills import SCANNER, Ring, Ringing, Scan
from twofold import (
    Aggregate,
    App,
    Command,
    Context,
    Event,
    Failure,
    Module,
    NotFound,
    Principal,
    Refused,
    Repository,
    Success,
    UnitOfWork,
)
from twofold.clock import Clock, new_id
from twofold.errors import Conflict, Invalid, StartError, Unauthenticated, WiringError
from twofold.testing import Fault, VirtualClock, fresh, given, settle

pytestmark = pytest.mark.anyio

PENS = Stocked(article="pen", count=2)
SOLD = Sold(article="pen", buyer="ada")
THANKED = Thanked(buyer="ada")


def files_in(folder: Path) -> set[Path]:
    return set(folder.iterdir())


async def test_a_command_is_compared_with_all_that_comes_of_it() -> None:
    """Its events and those of reactions, and rows of every kind of projection, once nothing is left to do."""
    answer = (
        await given(stall(), PENS)
        .when(Sell(article="pen", buyer="ada"))
        .then(SOLD, THANKED, StockRow(article="pen", left=1), SoldRow(article="pen", times=1))
    )
    assert answer == Success(1)


async def test_a_command_that_is_refused() -> None:
    """By its error or the class of it; nothing is recorded then."""
    sell = Sell(article="pen", buyer="ada")
    await given(stall(), Stocked(article="pen", count=0)).when(sell).then(SoldOut("pen"))
    await given(stall()).when(sell).then(NotFound)


async def test_two_at_once_on_one_application_are_told_what_to_do() -> None:
    """The first one has it alone; what runs already is for all."""
    app, sell = App("stall", modules=[stall()]), Sell(article="pen", buyer="ada")
    first, second = (given(app).when(sell).then(NotFound) for _ in range(2))
    answers = await asyncio.gather(first, second, return_exceptions=True)
    (told,) = (answer for answer in answers if isinstance(answer, WiringError))
    assert "await one after the other, or run it once for all of them: async with fresh(app)" in str(told)
    assert sum(isinstance(answer, Failure) for answer in answers) == 1
    async with fresh(app):
        await asyncio.gather(*(given(app).when(sell).then(NotFound) for _ in range(2)))
    await given(app).when(sell).then(NotFound)


async def test_a_past_may_be_made_by_commands() -> None:
    """What they record is given, and not among what comes."""
    await given(stall(), Stock(article="pen", count=2)).when(Sell(article="pen", buyer="ada")).then(SOLD, THANKED)
    with pytest.raises(WiringError, match="is given, and was refused"):
        await given(stall(), Sell(article="pen", buyer="ada")).then()


async def test_a_query_is_compared_by_its_answer() -> None:
    """It sees everything that was given."""
    module = stall()
    await given(module, PENS, SOLD, SOLD).when(CountSold(article="pen")).then(2)
    with pytest.raises(AssertionError, match=r"it answered 1\n *expected 2"):
        await given(module, PENS, SOLD).when(CountSold(article="pen")).then(2)


async def test_events_alone_have_consequences() -> None:
    """Without a message, `then` compares what projections and reactions have made of what was given."""
    await given(stall(), PENS, SOLD).then(SoldRow(article="pen", times=1))
    await given(stall(), PENS, SOLD).then(THANKED)
    with pytest.raises(AssertionError, match=r"times: expected 2\n *got      1"):
        await given(stall(), PENS, SOLD).then(SoldRow(article="pen", times=2))


async def test_a_failure_says_what_was_given_asked_and_came() -> None:
    """In the words of the test."""
    with pytest.raises(AssertionError) as raised:
        await given(stall(), PENS).when(Sell(article="pen", buyer="ada")).then(SOLD)
    assert str(raised.value).splitlines() == [
        "what came is not what was expected",
        "  given Stocked(article='pen', count=2)",
        "  when  Sell(article='pen', buyer='ada')",
        "  then  1. Sold",
        "        2. came, and was not expected: Thanked(buyer='ada')",
    ]


async def test_a_handler_is_tested_as_its_module_declares_it() -> None:
    """With what the module beside it says."""
    placed = OrderPlaced(order_id=new_id(), customer_id=new_id(), lines=(), total=Decimal(5))
    await given(pay_order, placed).when(PayOrder(order_id=placed.order_id, amount=Decimal(4))).then(WrongAmount)


async def test_a_handler_may_be_a_class_or_an_instance() -> None:
    """As a function may; the module beside it says the rest."""
    await given(Ringing, PENS).when(Ring(article="pen")).then(SOLD, StockRow(article="pen", left=2))
    await given(SCANNER, PENS).when(Scan(article="pen")).then(SOLD)
    await given(SCANNER).when(Scan(article="pen")).then(NotFound)


async def test_a_handler_that_no_module_declares_stands_alone() -> None:
    """Whatever it is."""

    @dataclass(frozen=True, kw_only=True)
    class Note(Command[str]):
        text: str

    class Noting:
        async def handle(self, command: Note) -> str:
            return command.text

    async def note(command: Note) -> str:
        return command.text

    for handler in (note, Noting, Noting()):
        assert await given(handler).when(Note(text="hello")).then() == Success("hello")


async def test_fakes_stand_in_for_dependencies_and_leave_again() -> None:
    """What a test puts in the place of a dependency is not there in the next one."""
    app, post = App("stall", modules=[stall()], database="memory:"), Post()
    sell = Sell(article="pen", buyer="ada")
    await given(app, PENS, instead={Post: post}).when(sell).then(SOLD, THANKED)
    await given(app, PENS).when(sell).then(SOLD, THANKED)
    assert post.letters == {"ada": 1}


async def test_an_application_is_as_it_was_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own database is untouched and in use again, its clock its own; nothing is left in the folder of others."""
    app, temporary = App("stall", modules=[stall()], database=tmp_path / "own.db"), tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    clock = app.clock
    async with fresh(app, clock=VirtualClock()) as running:
        assert running is app
        assert isinstance(await running.get(Clock), VirtualClock)
        await running.execute(Stock(article="pen", count=2))
        assert len(files_in(temporary)) == 1
    assert files_in(tmp_path) == {temporary}
    assert not files_in(temporary)
    assert app.clock is clock
    async with app:
        assert await app.store.log.head() == 0
    assert (tmp_path / "own.db").exists()


async def test_one_that_runs_is_taken_as_it_is() -> None:
    """What was there before the test counts as given; it goes on running."""
    async with fresh(App("stall", modules=[stall()])) as app:
        await app.execute(Stock(article="pen", count=2))
        await given(app).when(Sell(article="pen", buyer="ada")).then(SOLD, THANKED)
        bob = Sell(article="pen", buyer="bob")
        await given(app, SOLD).when(bob).then(SoldOut("pen"), THANKED)
        with pytest.raises(WiringError, match="is running"):
            await given(app, clock=VirtualClock()).then()


async def test_one_that_needs_no_sql_runs_in_memory() -> None:
    """As it is for any other, and nothing of it is left."""

    @dataclass(frozen=True, kw_only=True)
    class Note(Command[str]):
        text: str

    @dataclass(frozen=True, kw_only=True)
    class Noted(Event):
        text: str

    module = Module("notes")
    module.events(Noted)

    @module.handler
    async def note(command: Note, unit: UnitOfWork) -> str:
        unit.append("notes", Noted(text=command.text), expected=0)
        return command.text

    for _ in range(2):
        async with App("notes", modules=[module], database="memory:") as app:
            await given(app).when(Note(text="hello")).then(Noted(text="hello"))
            await given(app).when(Note(text="hello")).then(Conflict)


async def test_each_command_has_its_sender_and_key() -> None:
    """Those that are given have one of their own; a key is the test's, under a fault too."""

    @dataclass(frozen=True, kw_only=True)
    class Pour(Command[str]):
        glass: str

    @dataclass(frozen=True, kw_only=True)
    class Poured(Event):
        glass: str
        by: str

    def is_barkeeper(principal: Principal) -> bool:
        return "barkeeper" in principal.roles

    module = Module("bar", authorize=is_barkeeper)
    module.events(Poured)

    @module.handler(idempotency="required")
    async def pour(command: Pour, unit: UnitOfWork, context: Context) -> str:
        unit.append("bar", Poured(glass=command.glass, by=str(context.user_id)))
        return command.glass

    ada, bob = (Principal(user_id=name, roles=frozenset({"barkeeper"})) for name in ("ada", "bob"))
    pour_beer = Pour(glass="beer")
    await given(module).when(pour_beer, principal=ada).then(Invalid)
    await given(module).when(pour_beer, idempotency_key="a").then(Unauthenticated)
    for fault in (None, Fault.CRASH_AFTER_COMMIT):
        asked = given(module, pour_beer, fault=fault, principal=bob).when(pour_beer, principal=ada, idempotency_key="a")
        await asked.then(Poured(glass="beer", by="ada"))
    async with fresh(App("bar", modules=[module])) as app:
        assert await app.caller(principal=bob, idempotency_key="a").execute(pour_beer) == Success("beer")
        await given(app).when(pour_beer, principal=bob, idempotency_key="a").then()


async def test_time_is_what_the_test_says() -> None:
    """Events are recorded at the time of the clock, and it stands until it is moved."""
    clock = VirtualClock()
    async with fresh(App("stall", modules=[stall()]), clock=clock) as app:
        await app.execute(Stock(article="pen", count=2))
        clock.advance(days=30)
        await app.execute(Sell(article="pen", buyer="ada"))
        await settle(app)
        first, *_, last = await app.store.log.read(0, until=await app.store.log.head(), limit=10)
    assert (last.time - first.time).days == 30


async def test_what_cannot_be_handled_fails_the_test() -> None:
    """A reaction that fails again and again is told with its cause, and not passed over."""
    module = stall()
    module.on(Stocked)(_refuse)
    with pytest.raises(AssertionError, match=r"stall._refuse:stocked could not handle stocked.*RuntimeError: never"):
        await given(module, PENS).then()


async def _refuse(event: Stocked) -> None:
    raise RuntimeError("never")


async def test_an_application_that_is_not_sound_does_not_start() -> None:
    """A test of it tells all faults, as its start does."""
    module = Module("unsound")

    async def sell(command: Sell, post: Post) -> int:
        return 0

    module.handler(sell)
    with pytest.raises(StartError, match="Post"):
        await given(module).then()


@dataclass(frozen=True, kw_only=True)
class Met(Event):
    host: str
    guest: str


class Person(Aggregate):
    id: str

    def evolve(self, event: Event) -> None:
        assert isinstance(event, Met)
        self.id = event.host


class Visitor(Aggregate):
    id: str

    def evolve(self, event: Event) -> None:
        assert isinstance(event, Met)
        self.id = event.guest


@dataclass(frozen=True, kw_only=True)
class Joined(Event):
    reader: str


@dataclass(frozen=True, kw_only=True)
class Lent(Event):
    loan: str
    reader: str


@dataclass(frozen=True, kw_only=True)
class Returned(Event):
    loan: str
    reader: str


class Reader(Aggregate):
    id: str

    def joined(self, event: Joined) -> None:
        self.id = event.reader


class Loan(Aggregate):
    id: str
    back = False

    def evolve(self, event: Event) -> None:
        match event:
            case Lent():
                self.id = event.loan
            case Returned():
                self.back = True
            case _:
                pass


class Unlike(Loan):
    """It holds what cannot be copied, so nobody can tell whether an event changes it."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = Lock()


@pytest.mark.parametrize("kind", [Loan, Unlike])
async def test_an_event_that_names_another_aggregate_is_of_the_one_that_it_changes(kind: type[Loan]) -> None:
    """Who passes over what it does not know takes any event; where nobody can tell, nobody guesses."""

    @dataclass(frozen=True, kw_only=True)
    class Look(Command[bool]):
        pass

    async def look(command: Look, loans: Repository[Loan], readers: Repository[Reader]) -> bool:
        return (await readers.get("ada")).is_success and (await loans.get("l1")).unwrap().back

    async def look_twice(command: Look, loans: Repository[Unlike], readers: Repository[Reader]) -> bool:
        return True

    module = Module("lending")
    module.register(Look, look if kind is Loan else look_twice)
    module.events(Joined, Lent, Returned)
    past = Joined(reader="ada"), Lent(loan="l1", reader="ada"), Returned(loan="l1", reader="ada")
    if kind is Loan:
        assert await given(module, *past).when(Look()).then() == Success(True)
    else:
        with pytest.raises(WiringError, match="may be of reader-ada or of unlike-l1"):
            await given(module, *past).when(Look()).then()


@pytest.mark.parametrize("kinds", [[Person], [Person, Visitor]])
async def test_nobody_guesses_whose_an_event_is(kinds: Sequence[type[Aggregate]]) -> None:
    """An event that may be of two aggregates is refused, and one of a single one is in its stream."""

    @dataclass(frozen=True, kw_only=True)
    class Greet(Command[bool]):
        pass

    async def person(command: Greet, people: Repository[Person]) -> bool:
        return await people.find("ada") is not None

    async def both(command: Greet, people: Repository[Person], visitors: Repository[Visitor]) -> bool:
        return True

    module = Module("meetings")
    module.register(Greet, person if len(kinds) == 1 else both)
    module.events(Met)
    met = Met(host="ada", guest="bob")
    if len(kinds) == 1:
        assert await given(module, met).when(Greet()).then() == Success(True)
    else:
        with pytest.raises(WiringError, match=r"may be of (person-ada|visitor-bob) or of "):
            await given(module, met).when(Greet()).then()


async def test_an_application_that_is_imported_keeps_its_database_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test of it opens neither the file that it is named after nor what the environment says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWOFOLD_DATABASE", "own.db")
    monkeypatch.setenv("TWOFOLD_READ_DATABASE", "read.db")
    order = Order.at_once(new_id(), new_id(), ())
    (placed,) = order.recorded
    await given(orders_app, placed).then()
    assert not files_in(tmp_path)


async def test_an_event_that_a_decider_is_told_is_in_its_stream() -> None:
    """The aggregate that has the same id and is not changed by it does not get it."""
    past = BookAdded(isbn="1"), Reserved(isbn="1")
    await given(library(Book), *past).when(Reserve(isbn="1")).then(Refused)
    await given(library(Book), *past).when(Reserve(isbn="2")).then(Reserved(isbn="2"))


async def test_an_event_of_a_decider_that_changes_an_aggregate_may_be_of_either() -> None:
    """Nobody guesses then."""
    with pytest.raises(WiringError, match="may be of queue-1 or of marked-1: give the command that records it"):
        await given(library(Marked), BookAdded(isbn="1"), Reserved(isbn="1")).when(Reserve(isbn="1")).then(Refused)
