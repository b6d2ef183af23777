"""The start-up proof: every mistake in how an application is put together is told before anything runs, all at once.

Messages are defined inside the tests: one in sight of a module that does not handle it would be a fault of every test.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, Optional, Protocol, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, InstanceOf, SecretStr
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, registry

from tests.app import unread, unsound
from twofold import (
    Aggregate,
    App,
    Command,
    CommandBus,
    Context,
    Dispatcher,
    Entity,
    Event,
    EventBus,
    Lifecycle,
    Module,
    NotFound,
    Page,
    Query,
    QueryBus,
    Repository,
    Result,
    Rows,
    UnitOfWork,
)
from twofold.dispatch import Next
from twofold.errors import Fault, StartError, WiringError
from twofold.messages import Erased, NotSecret, Personal, Secret, Subject
from twofold.sql import BlockingReadSession, ReadSession

pytestmark = pytest.mark.anyio

HERE = __name__


class Mail(Protocol):
    def send(self) -> None: ...


class Cart:
    pass


class Basket(Aggregate):
    def evolve(self, event: Event) -> None: ...


class Base(DeclarativeBase):
    pass


class Going(Base):
    __tablename__ = "goings"

    id: Mapped[int] = mapped_column(primary_key=True)


GOINGS: Table[Any] = Table("goings", MetaData(), Column("id", Integer, primary_key=True))


def found(*modules: Module) -> list[Fault]:
    """What keeps an application of these modules from starting."""
    return App("proof", modules=modules, database="never-opened.db").check()


def only(*modules: Module) -> Fault:
    """The one thing that does."""
    faults = found(*modules)
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    """One check of an application with twenty-one faults names all of them, each where it is."""
    unsound.app.use_database(tmp_path / "never-opened.db")
    home = unsound.__name__
    assert sorted((fault.where.removeprefix(f"{home}."), fault.code) for fault in unsound.app.check()) == sorted(
        [
            ("Forgotten", "handler_not_found"),
            ("Forgotten", "unencodable"),
            ("Twice", "duplicate_handler"),
            ("unmet", "missing_dependency"),
            ("Shelf", "captive_dependency"),
            ("Hen", "cyclic_dependency"),
            ("Unencodable", "unencodable"),
            ("unawaited", "async_mistake"),
            ("blocked", "async_mistake"),
            ("in_thread", "async_mistake"),
            (f"projection summary: {home}.Summary.happened", "async_mistake"),
            (f"projection summary: {home}.Summary.happened", "no_table"),
            ("writing", "writing_query"),
            ("untyped", "untyped_parameter"),
            ("kindless", "unknown_kind"),
            ("deaf", "unknown_event"),
            ("Unevolved", "no_evolve"),
            ("after_a_command", "wrong_kind"),
            (f"projection tableless: {home}.Tableless.happened", "no_table"),
            ("projection other", "shared_table"),
            (f"middleware {home}.unasync", "middleware_shape"),
        ]
    )
    assert list(tmp_path.iterdir()) == []


def test_every_fault_says_what_and_how_to_mend_it() -> None:
    """No fault comes without a text and a hint, and no text repeats where it is."""
    for fault in unsound.app.check():
        assert fault.text
        assert fault.hint
        assert not fault.text.startswith(fault.where)


async def test_it_refuses_to_start_with_all_of_them() -> None:
    """Starting raises one error that carries every fault, and nothing runs."""
    unsound.app.use_database("never-opened.db")
    with pytest.raises(StartError) as refused:
        await unsound.app.start()
    assert len(refused.value.faults) == 21
    assert not unsound.app.running
    text = str(refused.value)
    assert "unsound cannot start: 21 faults" in text
    assert all(str(fault) in text for fault in refused.value.faults)


def told(*modules: Module) -> list[tuple[str, str]]:
    """Where something is wrong, by its own name, and what, for faults that were hidden behind each other."""
    return sorted((fault.where.rpartition(".")[2], fault.code) for fault in found(*modules))


def test_what_keeps_a_handler_from_being_read_hides_nothing_else() -> None:
    """All of it is told at once, what its class is made with and the fields of its message among it."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        then: Callable[[], None]

    @dataclass(frozen=True, kw_only=True)
    class Stay(Command[None]):
        pass

    class Handling:
        def __init__(self, mail, post) -> None:  # type: ignore[no-untyped-def]  # the mistake that is told
            pass

        def handle(self, command: Go, thing):  # type: ignore[no-untyped-def]  # the mistake that is told
            yield thing

    module = Module("m")
    module.register(Go, Handling)

    @module.handler
    async def stay(command: Stay, one: "Nowhere", two: "Neverland") -> None: ...  # type: ignore[name-defined]  # noqa: F821  # names that are nowhere

    assert told(module) == [
        ("Go", "unencodable"),
        ("Handling", "async_mistake"),
        *([("Handling", "untyped_parameter")] * 3),
        ("stay", "unresolved_annotation"),
    ]
    (text,) = (fault.text for fault in found(module) if fault.code == "unresolved_annotation")
    assert ("'Nowhere'" in text, "'Neverland'" in text) == (True, True)


def test_a_parameter_without_annotation_hides_nothing_else() -> None:
    """All else of the handler is looked at: what it answers, says that it reads, and is made with. It is told once."""

    @dataclass(frozen=True, kw_only=True)
    class Count(Query[int]):
        pass

    class Counting:
        def __init__(self, mail: Mail, post, thing) -> None:  # type: ignore[no-untyped-def]  # the mistake that is told
            pass

        async def handle(self, query: Count, thing) -> str:  # type: ignore[no-untyped-def]  # the mistake that is told
            return "one"

    module = Module("m")
    module.register(Count, Counting, reads=["nothing"])
    assert told(module) == [
        ("Counting", "broken_promise"),
        ("Counting", "missing_dependency"),
        ("Counting", "unknown_projection"),
        *([("Counting", "untyped_parameter")] * 2),
    ]


def test_what_a_handler_cannot_be_read_for_brings_no_faults_of_its_own() -> None:
    """Bases of messages are none, however often they are named."""

    class Doing(Command[None]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Go(Doing):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Stay(Doing):
        pass

    async def any_event(event: Event, thing: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821  # a name that is nowhere

    async def decide(command: Go | Stay | Doing, state: int) -> list[Event]: ...  # type: ignore[empty-body]  # nobody calls it

    module = Module("m")
    module.on("gone")(any_event)
    module.on(Event)(any_event)
    module.decider(initial=int, decide=decide, evolve=lambda state, event: state, stream="door")  # type: ignore[arg-type]  # the mistake that is told
    assert told(module) == [
        ("any_event", "unknown_event"),
        ("any_event", "unresolved_annotation"),
        ("decide", "async_mistake"),
    ]


def test_all_that_is_wrong_with_a_projection_is_told() -> None:
    """Of each method, and of what is said of it; once what is mended for all methods at once, as a table is named."""

    @dataclass(frozen=True, kw_only=True)
    class Opened(Event):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Closed(Event):
        pass

    module = Module("m")

    @module.projection("s@mmary", version=0)
    class Summary:
        async def opened(self, event: Opened, rows: Rows) -> None: ...

        def closed(self, event: Closed, thing: Cart, other: Cart, rows: Rows) -> None: ...

    assert told(module) == [
        ("Summary", "projection_name"),
        ("Summary", "unknown_version"),
        ("closed", "no_table"),
        ("closed", "untyped_parameter"),
        ("closed", "untyped_parameter"),
        ("opened", "async_mistake"),
    ]


def test_all_that_is_wrong_with_a_writer_or_a_publication_is_told() -> None:
    """Of each method, of what the class is made with, and of what is said."""

    @dataclass(frozen=True, kw_only=True)
    class Opened(Event):
        pass

    module = Module("m")
    module.publishes(Cart, to="no place", partitions=0)

    @module.writer("index")
    class Index:
        def __init__(self, client) -> None:  # type: ignore[no-untyped-def]  # the mistake that is told
            pass

        def opened(self, event: Opened) -> None: ...

        async def closed(self, event: Cart) -> None: ...

    assert told(module) == [
        ("Index", "untyped_parameter"),
        ("closed", "no_event"),
        ("opened", "async_mistake"),
        *([("publication to no place", "unusable_publication")] * 3),
    ]


def test_all_that_is_wrong_with_a_decider_is_told() -> None:
    """Of each function, and then of each command."""

    @dataclass(frozen=True, kw_only=True)
    class Open(Command[int]):
        then: Callable[[], None]

    @dataclass(frozen=True, kw_only=True)
    class Close(Command[None]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Opened(Event):
        pass

    async def decide_later(command: Open | Close, state: int) -> list[Opened]: ...  # type: ignore[empty-body]  # nobody calls it

    async def evolve_later(state: int, event: Opened) -> int: ...  # type: ignore[empty-body]  # nobody calls it

    def decide(command: Open | Close, state: int) -> list[Opened]: ...  # type: ignore[empty-body]  # nobody calls it

    def evolve(state: int, event: Opened) -> int: ...  # type: ignore[empty-body]  # nobody calls it

    later, now = Module("later"), Module("now")
    later.decider(initial=int, decide=decide_later, evolve=evolve_later, stream="door")  # type: ignore[arg-type,misc]  # the mistake that is told
    now.decider(initial=int, decide=decide, evolve=evolve, stream="door-{door}")
    assert [code for _, code in told(later)] == ["unencodable", "async_mistake", "async_mistake"]
    assert [code for _, code in told(now)] == ["unencodable", "wrong_stream", "wrong_stream"]


def test_all_that_a_lifecycle_cannot_fill_is_told() -> None:
    """Each field of each event, and not the first of them."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        number: int

    @dataclass(frozen=True, kw_only=True)
    class Tried(Event):
        number: str
        where: str
        when: int

    module = Module("m")

    @module.handler(lifecycle=Lifecycle(attempted=Tried))
    async def go(command: Go) -> None: ...

    assert told(module) == [("go", "unfilled_event")] * 3


def test_all_that_is_wrong_with_the_methods_of_an_aggregate_is_told() -> None:
    """Each of them that cannot be called."""

    @dataclass(frozen=True, kw_only=True)
    class Opened(Event):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Closed(Event):
        pass

    class Door(Aggregate):
        async def opened(self, event: Opened) -> None: ...

        async def closed(self, event: Closed) -> None: ...

    assert told(loading(Door)) == [("closed", "async_mistake"), ("opened", "async_mistake")]


def test_a_sound_application_has_no_fault() -> None:
    """Handlers, an event and a projection that fit together are found sound."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Gone(Event):
        pass

    module = Module("sound")
    module.provide(Cart)

    @module.handler
    async def go(command: Go, cart: Cart, baskets: Repository[Basket], session: AsyncSession) -> None: ...

    @module.on(Gone)
    async def react(event: Gone) -> None: ...

    async def watch(message: object, context: Context, call_next: Next) -> Result[Any, Any]:
        return await call_next(message, context)

    @module.projection("goings", tables=[GOINGS])
    class Goings:
        def gone(self, event: Gone, rows: Rows) -> None: ...

    app = App("proof", modules=[module], database="never-opened.db")
    app.use(watch)
    assert app.check() == []


def test_a_missing_handler() -> None:
    """A command in sight that nobody handles is a fault; mounting its handler mends it."""
    fault = next(fault for fault in unsound.app.check() if fault.code == "handler_not_found")
    assert (fault.where, fault.text) == ("Forgotten", "has no handler")
    assert fault.hint == "write one, or mount the module that has it"


def test_a_handler_that_cannot_be_read_is_not_missing_too() -> None:
    """A mistake in a handler is told once, and not a second time as a message without handler."""
    missing = {fault.where for fault in unsound.app.check() if fault.code == "handler_not_found"}
    assert missing == {"Forgotten"}


def test_nor_is_one_whose_annotations_are_text_or_whose_base_names_the_message() -> None:
    """What it handles is found out all the same."""
    assert {(fault.where.rpartition(".")[2], fault.code) for fault in found(unread.module)} == {
        ("untyped", "untyped_parameter"),
        ("lost", "unresolved_annotation"),
        ("UnwrittenHandler", "no_handle"),
        ("Get[int]", "no_wire_name"),
    }


def test_a_second_handler() -> None:
    """Two handlers of a command are a fault that names both, in one module or in two."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    one, other = Module("one"), Module("other")

    @one.handler
    async def first(command: Go) -> None: ...

    @other.handler
    async def second(command: Go) -> None: ...

    fault = only(one, other)
    assert (fault.code, fault.where) == ("duplicate_handler", Go.__qualname__)
    assert first.__qualname__ in fault.text
    assert second.__qualname__ in fault.text


def test_an_unmet_dependency() -> None:
    """A dependency that nothing provides is told at the handler that asks for it."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    module = Module("m")

    @module.handler
    async def go(command: Go, mail: Mail) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where) == ("missing_dependency", f"{HERE}.{go.__qualname__}")
    assert fault.text == "depends on Mail, which nothing provides"
    assert fault.hint == "module.provide(Mail, ...)"


def test_a_dependency_that_may_be_absent() -> None:
    """There is no such thing; it is shown as people write it, with what to write instead."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Come(Command[None]):
        pass

    class Postman:
        def __init__(self, mail: Mail | Cart) -> None: ...

    module = Module("m")
    module.provide(Postman)

    @module.handler
    async def go(command: Go, bus: Optional[CommandBus]) -> None: ...  # noqa: UP045  # as some still write it

    @module.handler
    async def come(command: Come, postman: Postman) -> None: ...

    texts = {fault.text: fault.hint for fault in found(module)}
    assert texts.pop("depends on CommandBus | None, which nothing provides") == (
        "a dependency is there or is not: annotate CommandBus, or give it a default"
    )
    ((text, hint),) = texts.items()
    assert "depends on Mail | Cart, which nothing provides" in text
    assert hint == "a dependency is there or is not: annotate Mail or Cart"


def test_an_unmet_dependency_of_a_dependency() -> None:
    """One that is missing further down is told with the way there."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    class Postman:
        def __init__(self, mail: Mail) -> None:
            self.mail = mail

    module = Module("m")
    module.provide(Postman)

    @module.handler
    async def go(command: Go, postman: Postman) -> None: ...

    fault = only(module)
    assert fault.code == "missing_dependency"
    assert "Mail, which nothing provides" in fault.text
    assert Postman.__qualname__ in fault.where + fault.text


def test_several_unmet_dependencies_are_all_told() -> None:
    """The first fault of the graph does not hide the next."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    class Post(Protocol):
        def deliver(self) -> None: ...

    module = Module("m")

    @module.handler
    async def go(command: Go, mail: Mail, post: Post) -> None: ...

    texts = " ".join(fault.text for fault in found(module))
    assert "depends on Mail," in texts
    assert f"depends on {Post.__qualname__}," in texts


def test_a_captive_dependency() -> None:
    """What lives as long as the application may not keep what lives for one message."""

    class Shelf:
        def __init__(self, cart: Cart) -> None:
            self.cart = cart

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    module = Module("m")
    module.provide(Cart, scope="message")
    module.provide(Shelf, scope="app")

    @module.handler
    async def go(command: Go, shelf: Shelf) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where) == ("captive_dependency", Shelf.__qualname__)
    assert "would keep the Cart of one message for ever" in fault.text
    assert 'Cart with scope="app"' in fault.hint


def test_all_that_would_keep_the_same_are_told() -> None:
    """What mends one of them leaves the other one as it is."""

    class Shelf:
        def __init__(self, cart: Cart) -> None:
            self.cart = cart

    class Rack:
        def __init__(self, cart: Cart) -> None:
            self.cart = cart

    module = Module("m")
    module.provide(Cart, scope="message")
    module.provide(Shelf, scope="app")
    module.provide(Rack, scope="app")
    assert told(module) == [("Rack", "captive_dependency"), ("Shelf", "captive_dependency")]


def test_all_that_want_what_may_be_absent_are_told() -> None:
    """Each has it in an annotation of its own."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Stay(Command[None]):
        pass

    module = Module("m")

    @module.handler
    async def go(command: Go, mail: Mail | None) -> None: ...

    @module.handler
    async def stay(command: Stay, mail: Mail | None) -> None: ...

    assert told(module) == [("go", "missing_dependency"), ("stay", "missing_dependency")]


def test_a_captive_unit_of_work() -> None:
    """An object of the application that asks for the unit of work would hold the first one for ever."""

    class Ledger:
        def __init__(self, unit: UnitOfWork) -> None:
            self.unit = unit

    module = Module("m")
    module.provide(Ledger, scope="app")
    fault = only(module)
    assert (fault.code, fault.where) == ("captive_dependency", Ledger.__qualname__)


def test_a_cyclic_dependency() -> None:
    """Dependencies that need each other are told as the ring they are."""
    fault = next(fault for fault in unsound.app.check() if fault.code == "cyclic_dependency")
    assert fault.text == "depends on itself: Hen -> Egg -> Hen"


class Opaque:
    pass


@pytest.mark.parametrize("hint", [Opaque, Callable[[], None], InstanceOf[Opaque], list[Opaque]], ids=str)
def test_a_message_that_cannot_be_encoded(hint: Any) -> None:
    """A field without a form in JSON is told by its name."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        good: int
        bad: hint

    module = Module("m")

    @module.handler
    async def go(command: Go) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where) == ("unencodable", Go.__qualname__)
    assert "bad (" in fault.text
    assert "good" not in fault.text


def test_a_field_that_pydantic_has_a_reason_to_refuse() -> None:
    """It is told with the field: what it is of could be encoded, but for that."""

    @dataclass(frozen=True)
    class Cat:
        kind: Literal["cat"] = "cat"

    @dataclass(frozen=True)
    class Dog:
        name: str = ""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]

    module = Module("m")

    @module.handler
    async def go(command: Go) -> None: ...

    assert "'Dog' needs a discriminator field for key 'kind')" in only(module).text


T = TypeVar("T")


def test_a_generic_model_that_nobody_has_named() -> None:
    """What pydantic calls it is no name for a log or an address; a class that derives from it has one."""

    class Get(BaseModel, Query[int], Generic[T]):
        key: T

    class GetText(Get[str]):
        pass

    module = Module("m")

    @module.handler
    async def get(query: Get[int]) -> int:
        return 0

    @module.handler
    async def get_text(query: GetText) -> int:
        return 0

    fault = only(module)
    assert (fault.where.rpartition(".")[2], fault.code) == ("Get[int]", "no_wire_name")
    assert fault.hint == "derive a class from it: class ...(Get[int])"


def test_an_event_that_cannot_be_encoded() -> None:
    """Events and pydantic models are proven too, whether anybody handles them or not."""

    class Happened(BaseModel, Event):
        model_config = ConfigDict(arbitrary_types_allowed=True)

        thing: Opaque

    module = Module("m")
    module.events(Happened)
    fault = only(module)
    assert (fault.code, fault.where) == ("unencodable", Happened.__qualname__)


def test_a_message_with_a_name_that_is_nowhere() -> None:
    """A field whose annotation cannot be resolved keeps its message from being encoded."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        thing: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # a name that is nowhere

    module = Module("m")

    @module.handler
    async def go(command: Go) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where) == ("unencodable", Go.__qualname__)
    assert "Nowhere" in fault.text


def test_a_message_that_is_no_data_class() -> None:
    """A message without fields that can be read is told."""

    class Go(Command[None]):
        def __init__(self, amount: int) -> None:
            self.amount = amount

    module = Module("m")

    @module.handler
    async def go(command: Go) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where) == ("unencodable", Go.__qualname__)
    assert fault.text == "is neither a dataclass nor a pydantic model"
    assert "@dataclass" in fault.hint


@pytest.mark.parametrize("session", [AsyncSession, ReadSession])
def test_a_def_that_would_have_to_await(session: Any) -> None:
    """A `def` that asks for an async session is a fault."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    module = Module("m")

    @module.handler
    def go(command: Go, session: session) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where) == ("async_mistake", f"{HERE}.{go.__qualname__}")
    assert fault.text == f"is a def and depends on {session.__name__}, which has to be awaited"
    assert fault.hint == "make it async def"


@pytest.mark.parametrize("session", [Session, BlockingReadSession])
def test_an_async_def_that_would_block(session: Any) -> None:
    """An `async def` that asks for a blocking session is a fault."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    module = Module("m")

    @module.handler
    async def go(command: Go, session: session) -> None: ...

    fault = only(module)
    assert fault.code == "async_mistake"
    assert "would block the event loop" in fault.text


@pytest.mark.parametrize("bus", [CommandBus, QueryBus, EventBus, Dispatcher])
def test_a_def_with_a_session_that_would_wait_for_a_bus(bus: Any) -> None:
    """It holds what the message may need, and so would wait for itself: for good, with all that come after it."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    module = Module("m")

    @module.handler
    def go(command: Go, session: Session, bus: bus) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where) == ("async_mistake", f"{HERE}.{go.__qualname__}")
    assert fault.text == f"is a def with a Session and depends on {bus.__name__}, which it cannot wait for"


def test_blocking_on_an_async_def() -> None:
    """blocking=True says that a `def` runs in a thread; on an `async def` it is a contradiction."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    module = Module("m")

    @module.handler(blocking=True)
    async def go(command: Go) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where) == ("async_mistake", f"{HERE}.{go.__qualname__}")


def test_a_handler_that_yields() -> None:
    """A handler that is a generator would answer with something nobody runs."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Query[int]):
        pass

    module = Module("m")

    @module.handler
    async def go(query: Go) -> AsyncIterator[int]:
        yield 1

    fault = only(module)
    assert (fault.code, fault.where) == ("async_mistake", f"{HERE}.{go.__qualname__}")


def test_an_async_projection_method() -> None:
    """A method that awaits takes a session; without one an `async def` has nothing to wait for."""

    @dataclass(frozen=True, kw_only=True)
    class Happened(Event):
        pass

    module = Module("m")

    @module.projection("summary", tables=[GOINGS])
    class Summary:
        async def happened(self, event: Happened, rows: Rows) -> None: ...

    fault = only(module)
    assert (fault.code, fault.text) == ("async_mistake", "is async def")
    assert fault.where.startswith("projection summary: ")
    assert fault.where.endswith("Summary.happened")


@pytest.mark.parametrize("wanted", [AsyncSession, UnitOfWork, CommandBus, EventBus, Repository[Basket]], ids=str)
def test_a_query_that_could_write(wanted: Any) -> None:
    """A query handler that asks for anything that writes is a fault."""

    @dataclass(frozen=True, kw_only=True)
    class Find(Query[int]):
        pass

    module = Module("m")

    @module.handler
    async def find(query: Find, pen: wanted) -> int:
        return 0

    fault = only(module)
    assert (fault.code, fault.where) == ("writing_query", f"{HERE}.{find.__qualname__}")
    assert "ReadSession" in fault.hint


def test_a_query_that_could_write_through_others() -> None:
    """It is a fault too when a dependency of the query's dependency writes."""

    class Counter:
        def __init__(self, session: AsyncSession) -> None:
            self.session = session

    @dataclass(frozen=True, kw_only=True)
    class Find(Query[int]):
        pass

    module = Module("m")
    module.provide(Counter)

    @module.handler
    async def find(query: Find, counter: Counter) -> int:
        return 0

    assert only(module).code == "writing_query"


def test_a_query_that_reads_is_sound() -> None:
    """Sessions for reading are what a query may ask for."""

    @dataclass(frozen=True, kw_only=True)
    class Find(Query[int]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Look(Query[int]):
        pass

    module = Module("m")

    @module.handler
    async def find(query: Find, session: ReadSession) -> int:
        return 0

    @module.handler
    def look(query: Look, session: BlockingReadSession) -> int:
        return 0

    assert found(module) == []


class Listed(BaseModel):
    """A DTO that lets a row through."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    first: "Going | None"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A DTO that is made of another one."""

    listed: tuple[Listed, ...]


@dataclass(eq=False)
class Stored:
    """An entity that knows nothing of its table."""

    id: int


registry().map_imperatively(Stored, Table("stored", MetaData(), Column("id", Integer, primary_key=True)))


@pytest.mark.parametrize(
    "answer, text",
    [
        (Going, "answers Going, which is mapped to a table"),
        (Stored, "answers Stored, which is mapped to a table"),
        (Basket, "answers Basket, which is an aggregate"),
        (list[Going], "answers Going"),
        (Page[Going], "answers Going"),
        (dict[str, Annotated[Going | None, "a note"]], "answers Going"),
        (Result[list[Basket], NotFound], "answers Basket"),
        (Shown, "answers Going"),
    ],
    ids=str,
)
def test_a_query_that_answers_what_it_has_loaded(answer: Any, text: str) -> None:
    """A mapped class or an aggregate in an answer is a fault, however deep it sits, promised or annotated."""

    class Find(Query[answer]): ...

    @dataclass(frozen=True, kw_only=True)
    class Find1(Find):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Find2(Query[Any]):
        pass

    module = Module("m")

    @module.handler
    async def promised(query: Find1) -> Any: ...

    @module.handler
    async def annotated(query: Find2) -> answer: ...

    faults = found(module)
    assert [(fault.code, fault.where) for fault in faults] == [
        ("answers_entity", f"{HERE}.{promised.__qualname__}"),
        ("answers_entity", f"{HERE}.{annotated.__qualname__}"),
    ]
    assert all(text in fault.text for fault in faults)


def test_answers_of_values_are_sound() -> None:
    """Values, DTOs, pages of them and what refers to itself are answers; a command may answer what it likes."""

    @dataclass(frozen=True, kw_only=True)
    class Find(Query["Tree | None"]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Look(Query[Page[dict[str, Callable[[int], str]]]]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[Basket]):
        pass

    module = Module("m")

    @module.handler
    async def find(query: Find) -> Any: ...

    @module.handler
    async def look(query: Look) -> Any: ...

    @module.handler
    async def go(command: Go) -> Any: ...

    assert found(module) == []


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A DTO with others of its kind, and with something that is nowhere."""

    branches: "tuple[Tree, ...]"
    lost: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # what is met in the field


def test_an_untyped_parameter() -> None:
    """A parameter that says nothing about what it needs is told by its name."""
    fault = next(fault for fault in unsound.app.check() if fault.code == "untyped_parameter")
    assert fault.where == f"{unsound.__name__}.untyped"
    assert fault.text == "has a parameter 'thing' without annotation, so nothing can fill it"


def test_an_annotation_that_cannot_be_resolved() -> None:
    """A name in an annotation that is nowhere is told."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    module = Module("m")

    @module.handler
    async def go(command: Go, thing: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821  # a name that is nowhere

    fault = only(module)
    assert fault.code == "unresolved_annotation"
    assert "Nowhere" in fault.text


def test_a_plain_class_without_kind() -> None:
    """A class that is no Command, Query or Event needs a kind; saying it mends the fault."""

    @dataclass(frozen=True, kw_only=True)
    class Plain:
        pass

    module = Module("m")

    @module.handler
    async def plain(message: Plain) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where) == ("unknown_kind", f"{HERE}.{plain.__qualname__}")
    assert "Plain, and nothing says what kind of message that is" in fault.text


def test_a_handler_without_message() -> None:
    """A handler without a parameter handles nothing."""
    module = Module("m")

    @module.handler
    async def nothing() -> None: ...

    assert only(module).code == "no_message"


def test_a_reaction_to_an_unknown_event() -> None:
    """A reaction by a wire name that no event has is told, with the names that look like it."""

    @dataclass(frozen=True, kw_only=True)
    class OrderPlaced(Event):
        pass

    module = Module("m")
    module.events(OrderPlaced)

    @module.on("order_place")
    async def thank(event: OrderPlaced) -> None: ...

    fault = only(module)
    assert (fault.code, fault.text) == ("unknown_event", "reacts to 'order_place', and no event is called that")
    assert "order_placed" in fault.hint


def test_two_projections_of_one_name() -> None:
    """A checkpoint is kept under a projection's name, so two of one name are a fault."""

    @dataclass(frozen=True, kw_only=True)
    class Happened(Event):
        pass

    module = Module("m")
    for _ in range(2):

        @module.projection("summary")
        class Summary:
            def happened(self, event: Happened) -> None: ...

    assert (only(module).code, only(module).where) == ("duplicate_projection", "projection summary")


def test_two_messages_of_one_wire_name() -> None:
    """What is stored under one name must be one message."""

    def happened() -> type:
        @dataclass(frozen=True, kw_only=True)
        class Happened(Event):
            pass

        return Happened

    module = Module("m")
    module.events(happened(), happened())
    assert "wire name 'happened'" in only(module).text


def test_mending_the_fault_is_enough() -> None:
    """A check that found a fault is made anew once a module that mends it is mounted."""

    class Post:
        def send(self) -> None: ...

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    module, other = Module("m"), Module("other")

    @module.handler
    async def go(command: Go, mail: Mail) -> None: ...

    app = App("proof", modules=[module], database="never-opened.db")
    assert len(app.check()) == 1
    other.provide(Mail, Post)
    app.mount(other)
    assert app.check() == []


def test_a_secret_in_an_event() -> None:
    """A secret is written as asterisks and lost for ever, so an event may not hold one."""

    @dataclass(frozen=True, kw_only=True)
    class PasswordSet(Event):
        user: str
        password: SecretStr | None

    module = Module("secrets")
    module.events(PasswordSet)
    (fault,) = App("secrets", modules=[module], database="memory:").check()
    assert (fault.where.rpartition(".")[2], fault.code) == ("PasswordSet", "secret_in_event")
    assert "password" in fault.text


def test_a_secret_that_a_lifecycle_copies_into_an_event() -> None:
    """Its field has no mark and no telling name there, and would be filled by name from one that has."""

    @dataclass(frozen=True, kw_only=True)
    class Card:
        number: Annotated[str, Secret]

    @dataclass(frozen=True, kw_only=True)
    class Pay(Command[None]):
        amount: int
        motto: Annotated[str, Secret]
        cards: list[Card]

    @dataclass(frozen=True, kw_only=True)
    class PayTried(Event):
        amount: int
        motto: str
        cards: list[Any]

    @dataclass(frozen=True, kw_only=True)
    class PayDone(Event):
        amount: int

    module = Module("payments")

    @module.handler(lifecycle=Lifecycle(attempted=PayTried, succeeded=PayDone))
    async def pay(command: Pay) -> None: ...

    (fault,) = App("payments", modules=[module], database="memory:").check()
    assert (fault.where.rpartition(".")[2], fault.code) == ("PayTried", "secret_in_event")
    assert fault.text.endswith("marks as a secret: motto, cards")


def test_a_telling_name_in_an_event() -> None:
    """It would be in the log for ever in the clear: also deep in it, unless it is encrypted or said to be none."""

    @dataclass(frozen=True, kw_only=True)
    class Device:
        api_key: str
        model: str

    @dataclass(frozen=True, kw_only=True)
    class Registered(Event):
        user: Annotated[str, Subject("user")]
        password: str
        cvv_hint: str | None = None
        access_token: Annotated[str | Erased | None, Personal("user")] = None
        tokens: Annotated[int, NotSecret] = 0
        device: Device

    module = Module("secrets")
    module.events(Registered)
    (fault,) = App("secrets", modules=[module], database="memory:", key_database="memory:").check()
    assert (fault.where.rpartition(".")[2], fault.code) == ("Registered", "secret_in_event")
    assert fault.text.endswith("its name says is a secret: password, cvv_hint, api_key")
    assert "NotSecret" in fault.hint


@dataclass(frozen=True, kw_only=True)
class Restocked(Event):
    """An event for the tests below; that nobody handles it is no fault of the others."""


async def fitting(message: Any, context: Any, call_next: Any) -> Any:
    return await call_next(message, context)


class Fitting:
    async def __call__(self, message: Any, context: Any, call_next: Any) -> Any: ...


async def configured(level: int, message: Any, context: Any, call_next: Any) -> Any: ...


async def two(message: Any, call_next: Any) -> Any: ...


async def four(message: Any, context: Any, call_next: Any, bus: CommandBus) -> Any: ...


def blocking(message: Any, context: Any, call_next: Any) -> Any: ...


async def yielding(message: Any, context: Any, call_next: Any) -> AsyncIterator[Any]:
    yield call_next


class Blocking:
    def __call__(self, message: Any, context: Any, call_next: Any) -> Any: ...


@pytest.mark.parametrize(
    "misfit, where, text",
    [
        (blocking, f"{HERE}.blocking", "is no async def"),
        (Blocking(), f"{HERE}.Blocking", "is no async def"),
        (partial(blocking), f"{HERE}.blocking", "is no async def"),
        (yielding, f"{HERE}.yielding", "is no async def"),
        (two, f"{HERE}.two", "takes (message: Any, call_next: Any) -> Any,"),
        (four, f"{HERE}.four", "bus: "),
        (configured, f"{HERE}.configured", "level: int"),
        (Fitting, f"{HERE}.Fitting", "is a class"),
        ("logging", "'logging'", "cannot be called"),
        (None, "None", "cannot be called"),
    ],
    ids=["def", "object", "partial", "generator", "two", "four", "configured", "class", "text", "none"],
)
def test_a_middleware_of_another_shape(misfit: Any, where: str, text: str) -> None:
    """One that is not async or cannot be given its three arguments is told at the start, and by a bus alone at once."""
    app = App("proof", database="never-opened.db")
    app.use(misfit)
    (fault,) = app.check()
    assert (fault.code, fault.where) == ("middleware_shape", f"middleware {where}")
    assert text in fault.text
    assert fault.hint
    with pytest.raises(WiringError) as refused:
        CommandBus().use(misfit)
    assert text in str(refused.value)


@pytest.mark.parametrize("middleware", [fitting, Fitting(), partial(configured, 3), partial(Fitting())], ids=range(4))
def test_a_middleware_of_the_right_shape(middleware: Any) -> None:
    """Functions, objects and partials of either are sound."""
    app = App("proof", database="never-opened.db")
    app.use(middleware)
    assert app.check() == []


def loading(kind: type[Any]) -> Module:
    """A module with a handler that loads aggregates or entities of a class through a dependency."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    class Shop:
        def __init__(self, aggregates: Repository[kind]) -> None:  # type: ignore[valid-type]  # told at run time
            self.aggregates = aggregates

    module = Module("m")
    module.provide(Shop)

    @module.handler
    async def go(command: Go, shop: Shop) -> None: ...

    @module.on(Restocked)
    async def react(event: Restocked, aggregates: Repository[kind]) -> None: ...  # type: ignore[valid-type]  # a class that a parameter of the test names

    return module


class Unevolved(Aggregate):
    pass


class Evolves(Aggregate):
    async def evolve(self, event: Event) -> None: ...  # type: ignore[override]  # the mistake


class EvolvesTwo(Aggregate):
    def evolve(self, event: Event, version: int) -> None: ...  # type: ignore[override]  # the mistake


class EvolvesTwice(Basket):
    def restocked(self, event: Restocked) -> None: ...


class TakesTwice(Aggregate):
    def restocked(self, event: Restocked) -> None: ...

    def added(self, event: Restocked) -> None: ...


class Awaits(Aggregate):
    async def restocked(self, event: Restocked) -> None: ...


class Lost(Aggregate):
    def restocked(self, event: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821  # the mistake


class Named(Basket):
    def __init__(self, name: str) -> None:
        self.name = name


@pytest.mark.parametrize(
    "kind, code, text",
    [
        (Unevolved, "no_evolve", "is an aggregate without evolve, and without a method for an event"),
        (EvolvesTwice, "evolves_twice", "has evolve, and restocked for an event, which nothing would call"),
        (TakesTwice, "same_event", "takes Restocked twice, in added and in restocked"),
        (Evolves, "async_mistake", "has an evolve that is async def, which nobody awaits"),
        (EvolvesTwo, "no_evolve", "has an evolve that does not take one event"),
        (Named, "unmakeable", "cannot be made without arguments, and is so before its events are told to it"),
    ],
)
def test_an_aggregate_that_cannot_be_rebuilt(kind: type[Aggregate], code: str, text: str) -> None:
    """One without a usable evolve, or that cannot be made empty, is told once, however many handlers load it."""
    fault = only(loading(kind))
    assert (fault.where, fault.code, fault.text) == (f"{HERE}.{kind.__qualname__}", code, text)
    assert fault.hint


class Sharing(Basket):
    lines: list[str] = []  # noqa: RUF012  # the mistake


class SharingAMap(Basket):
    counts = {}  # type: ignore[var-annotated]  # noqa: RUF012  # the mistake


class SharingBySub(Sharing):
    pass


@pytest.mark.parametrize(
    "kind, text",
    [
        (Sharing, "has the default lines = [], a list that all of them would share"),
        (SharingAMap, "has the default counts = {}, a dict that all of them would share"),
        (SharingBySub, "has the default lines = [], a list that all of them would share"),
    ],
)
def test_an_aggregate_with_a_default_that_all_share(kind: type[Aggregate], text: str) -> None:
    """What one puts into it, all would have: it is told at the start, also when a base class says it."""
    fault = only(loading(kind))
    assert (fault.where, fault.code, fault.text) == (f"{HERE}.{kind.__qualname__}", "shared_default", text)
    assert "in __init__" in fault.hint


class WithConstants(Basket):
    LIMITS = {"lines": 10}  # noqa: RUF012  # a constant
    known: ClassVar[set[str]] = set()
    later: "ClassVar[list[str]]" = []  # noqa: RUF012  # as `from __future__ import annotations` has it
    fixed: Final = [1]
    names: tuple[str, ...] = ()
    lines: list[str]

    def __init__(self) -> None:
        self.lines = []


def test_an_aggregate_whose_class_has_something_for_all() -> None:
    """Class variables, constants and what cannot be changed are sound."""
    assert [one for one in found(loading(WithConstants)) if one.code == "shared_default"] == []


def test_two_aggregates_in_the_same_streams() -> None:
    """Each would be told what the other has recorded: a fault of the second, whoever loads them."""

    class Crate(Basket):
        stream_name = "basket"

    module = loading(Basket)

    @dataclass(frozen=True, kw_only=True)
    class Sort(Command[None]):
        pass

    @module.handler
    async def sort(command: Sort, baskets: Repository[Basket], crates: Repository[Crate]) -> None: ...

    (fault,) = [one for one in found(module) if one.code == "shared_stream"]
    assert fault.where == f"{HERE}.{Crate.__qualname__}"
    assert fault.text == f"has the streams 'basket-' followed by an id, as {HERE}.Basket has"


@pytest.mark.parametrize("kind, code", [(Awaits, "async_mistake"), (Lost, "unresolved_annotation")])
def test_a_method_for_an_event_that_cannot_be_called(kind: type[Aggregate], code: str) -> None:
    """It is told where it stands."""
    fault = only(loading(kind))
    assert (fault.where, fault.code) == (f"{HERE}.{kind.__qualname__}.restocked", code)
    assert fault.hint


class _Rows(DeclarativeBase):
    pass


class Unversioned(Entity, _Rows):
    __tablename__ = "unversioned"
    id: Mapped[int] = mapped_column(primary_key=True)


class Timed(Entity, _Rows):
    __tablename__ = "timed"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column()
    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012  # as SQLAlchemy reads it


class Paired(Entity, _Rows):
    __tablename__ = "paired"
    id: Mapped[int] = mapped_column(primary_key=True)
    other: Mapped[int] = mapped_column(primary_key=True)


class Sound(Entity, _Rows):
    __tablename__ = "sound"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # as SQLAlchemy reads it


class Unmapped(Entity):
    pass


@pytest.mark.parametrize(
    "kind, text",
    [
        (Unversioned, "has no version, so that commands at once would undo what the other one did"),
        (Timed, "has a version that is not counted by SQLAlchemy"),
        (Paired, "has a key of several columns, and its stream is named after one id"),
        (Unmapped, "is an entity that no table is mapped to"),
    ],
)
def test_an_entity_that_cannot_be_kept(kind: type[Entity], text: str) -> None:
    """One whose changes could not be told apart, or not be written, is told once, with what to do."""
    fault = only(loading(kind))
    assert (fault.where, fault.code, fault.text) == (f"{HERE}.{kind.__qualname__}", "unusable_entity", text)
    assert fault.hint


def test_an_entity_that_can_be_kept() -> None:
    """Where the store knows SQL; elsewhere it says so."""
    assert App("proof", modules=[loading(Sound)], database="never-opened.db").check() == []
    (fault,) = App("proof", modules=[loading(Sound)], database="memory:").check()
    assert (fault.where, fault.code) == (f"{HERE}.Sound", "no_sql")


def test_a_repository_of_what_records_nothing() -> None:
    """A mapped class alone has no events; the fault names it, and what to derive it from."""

    class Bare(_Rows):
        __tablename__ = "bare"
        id: Mapped[int] = mapped_column(primary_key=True)

    unmet = App("proof", modules=[loading(Bare)], database="never-opened.db").check()
    assert {fault.code for fault in unmet} == {"missing_dependency", "no_entity"}
    assert all("Entity" in fault.hint for fault in unmet)


def test_an_aggregate_that_can_be_rebuilt() -> None:
    """An evolve of its own or an inherited one, and defaults for whatever its constructor takes, are sound."""

    class Defaulted(Basket):
        def __init__(self, name: str = "") -> None:
            self.name = name

    assert found(loading(Defaulted)) == []


@pytest.mark.parametrize("second", [GOINGS, Going], ids=["table", "mapped class"])
def test_two_projections_that_fill_one_table(second: Any) -> None:
    """It is a fault, however the table is named: by itself, or by a class that is mapped to it."""
    first = getattr(second, "__table__", second)
    module = Module("m")

    class Fill:
        def restocked(self, event: Restocked, rows: Rows) -> None: ...

    module.projection("one", tables=[first])(Fill)
    module.projection("other", mode="inline", tables=[second, second])(Fill)
    fault = only(module)
    assert (fault.where, fault.code) == ("projection other", "shared_table")
    assert fault.text == "fills the table goings, and so does the projection one"


def test_two_projections_of_different_tables() -> None:
    """Two tables of one name in different schemas or bases are two tables, and no fault."""
    module = Module("m")

    class Fill:
        def restocked(self, event: Restocked, rows: Rows) -> None: ...

    module.projection("one", tables=[GOINGS])(Fill)
    module.projection("other", tables=[Going])(Fill)
    assert found(module) == []


def test_a_projection_without_a_table() -> None:
    """A projection that takes Rows and declares no table could only fail at its first event."""
    module = Module("m")

    @module.projection("summary")
    class Summary:
        def restocked(self, event: Restocked, rows: Rows) -> None: ...

    fault = only(module)
    assert (fault.code, fault.text) == ("no_table", "takes Rows, and no table is declared")
    assert fault.where.endswith("Summary.restocked")
    assert fault.hint == "@module.projection('summary', tables=[...])"


@pytest.mark.parametrize(
    "tables, text",
    [
        (["goings"], "'goings' is neither a Table nor a mapped class"),
        ([Cart], "Cart'> is neither a Table nor a mapped class"),
        ([Table("keyless", MetaData(), Column("id", Integer))], "table 'keyless' has no primary key"),
    ],
    ids=str,
)
def test_a_table_that_cannot_be_used(tables: Sequence[Any], text: str) -> None:
    """What is no table, or has no key to tell rows apart, is told before anything is created."""
    module = Module("m")

    @module.projection("summary", tables=tables)
    class Summary:
        def restocked(self, event: Restocked, rows: Rows) -> None: ...

    fault = only(module)
    assert (fault.where, fault.code) == ("projection summary", "unusable_table")
    assert text in fault.text


def test_state_that_is_no_table() -> None:
    """What a module declares as state is looked at too."""
    module = Module("m")
    module.state(GOINGS, "goings")
    fault = only(module)
    assert (fault.where, fault.code) == ("module m", "unusable_table")


def test_a_reaction_to_a_command() -> None:
    """Reacting to a command or query is a fault, by its class or by its wire name, whether it has a handler or not."""

    @dataclass(frozen=True, kw_only=True)
    class Go(Command[None]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Find(Query[int]):
        pass

    module = Module("m")

    @module.handler
    async def go(command: Go) -> None: ...

    @module.on(Go)
    async def gone(event: Go) -> None: ...

    @module.on("go")
    async def gone_by_name(event: Any) -> None: ...

    @module.on(Find)
    async def sought(event: Find) -> None: ...

    faults = found(module)
    assert [fault.code for fault in faults] == ["wrong_kind"] * 3
    assert [fault.text for fault in faults] == [
        f"reacts to {Go.__qualname__}, which is a command",
        f"reacts to {Go.__qualname__}, which is a command",
        f"reacts to {Find.__qualname__}, which is a query",
    ]
    assert {fault.where for fault in faults} == {
        f"{HERE}.{function.__qualname__}" for function in (gone, gone_by_name, sought)
    }


def test_a_message_on_the_wrong_bus() -> None:
    """A bus refuses a message of another kind when its handler is registered."""

    @dataclass(frozen=True, kw_only=True)
    class Find(Query[int]):
        pass

    async def find(query: Find) -> int:
        return 0

    with pytest.raises(WiringError, match="as a command, and it is a query"):
        CommandBus().register(Find, find)
    with pytest.raises(WiringError, match="which is a query"):
        EventBus().register(Find, find)
