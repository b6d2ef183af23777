"""Dependencies by type: by constructor or by parameter, alive for as long as the message is handled."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

import pytest
from dishka import AsyncContainer, FromComponent, Has, Marker, Provider, Scope, make_async_container

from twofold.dispatch import CommandBus, Handler, Next, Router, Used, inject
from twofold.errors import WiringError
from twofold.messages import Command, Context
from twofold.result import Failure, Result, Success

T = TypeVar("T")

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Do(Command[Any]):
    """A command."""


@dataclass(frozen=True, kw_only=True)
class Undo(Command[Any]):
    """Another one."""


class Mail(Protocol):
    """A protocol that handlers ask for."""

    def send(self) -> str:
        """Send it."""
        ...


class Smtp:
    """One way to do it."""

    def send(self) -> str:
        """Pretend."""
        return "sent"


class Session:
    """Something that is open while a message is handled."""

    def __init__(self) -> None:
        self.open = True


class Other:
    """Something else."""


async def open_session() -> AsyncIterator[Session]:
    """Close it afterwards."""
    session = Session()
    yield session
    session.open = False


def container() -> AsyncContainer:
    """With a mail for the application and a session for each message."""
    provider = Provider()
    provider.provide(Smtp, provides=Mail, scope=Scope.APP)
    provider.provide(open_session, scope=Scope.REQUEST)
    provider.provide(Other, scope=Scope.REQUEST)
    return make_async_container(provider)


class ByConstructor:
    """Takes one there and one beside the message."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail

    async def handle(self, command: Do, session: Session, context: Context) -> Any:
        """Use them all."""
        return self.mail.send(), session.open, bool(context.message_id)


class ByMethod:
    """Made by the user; takes the rest beside the message."""

    async def handle(self, command: Do, mail: Mail, session: Session, context: Context) -> Any:
        """Use them all."""
        return mail.send(), session.open, bool(context.message_id)


async def by_parameter(command: Do, mail: Mail, session: Session, context: Context) -> Any:
    """Use them all."""
    return mail.send(), session.open, bool(context.message_id)


@pytest.mark.parametrize("handler", [by_parameter, ByConstructor, ByMethod, ByMethod(), ByMethod().handle])
async def test_dependencies_come_by_constructor_and_by_parameter(handler: Any) -> None:
    """By protocol, and open while the handler runs."""
    bus = CommandBus(container=container())
    bus.register(Do, handler)
    assert await bus.execute(Do()) == Success(("sent", True, True))
    assert await bus.execute(Do()) == Success(("sent", True, True))


async def test_a_session_is_closed_after_the_handler_and_not_before() -> None:
    """Also when the handler has awaited for long, and when it crashes."""
    kept: list[Session] = []

    async def handle(command: Do, session: Session) -> bool:
        kept.append(session)
        await asyncio.sleep(0)
        if len(kept) == 2:
            raise KeyError
        return session.open

    bus = CommandBus(container=container())
    bus.register(Do, handle)
    assert await bus.execute(Do()) == Success(True)
    with pytest.raises(KeyError):
        await bus.execute(Do())
    assert [session.open for session in kept] == [False, False]


async def test_what_is_open_is_told_of_a_crash() -> None:
    """So that it can undo what it began; of a refusal, which is an answer, it is told nothing."""
    told: list[object] = []

    async def watching() -> AsyncGenerator[Other, object]:
        told.append((yield Other()))

    async def handle(command: Do, other: Other) -> Any:
        if endings:
            return endings.pop()
        raise bug

    bug, endings = KeyError("bug"), [Failure("no"), Success()]
    provider = Provider()
    provider.provide(watching, provides=Other, scope=Scope.REQUEST)
    bus = CommandBus(container=make_async_container(provider))
    bus.register(Do, handle)
    assert [(await bus.execute(Do())).is_success for _ in range(2)] == [True, False]
    with pytest.raises(KeyError):
        await bus.execute(Do())
    assert told == [None, None, bug]


async def test_two_messages_at_once_never_share_one() -> None:
    """Each has its own, however they overlap."""
    both = asyncio.Barrier(2)

    async def handle(command: Do, session: Session) -> Session:
        await both.wait()
        return session

    bus = CommandBus(container=container())
    bus.register(Do, handle)
    one, two = await asyncio.gather(bus.execute(Do()), bus.execute(Do()))
    assert one.unwrap() is not two.unwrap()


async def test_a_default_is_left_alone() -> None:
    """Nobody has to provide it."""

    async def handle(command: Do, retries: int = 3, mail: Mail | None = None) -> Any:
        return retries, mail

    bus = CommandBus()
    bus.register(Do, handle)
    assert await bus.execute(Do()) == Success((3, None))


def test_one_name_for_two_things_is_refused() -> None:
    """The constructor and the method would get the same."""

    class Confused:
        def __init__(self, thing: Session) -> None:
            self.thing = thing

        async def handle(self, command: Do, thing: Other) -> None:
            """Never runs."""

    with pytest.raises(WiringError, match="'thing'"):
        CommandBus(container=container()).register(Do, Confused)


class TestInject:
    """What an application does: one container for all, checked as a whole."""

    async def test_a_handler_of_application_things_opens_no_scope(self) -> None:
        """It is made once; one with a session gets a scope for every message."""

        async def wide(command: Do, mail: Mail) -> None:
            """Needs nothing of the message."""

        async def narrow(command: Do, mail: Mail, session: Session) -> None:
            """Needs a session."""

        provider = Provider()
        provider.provide(Smtp, provides=Mail, scope=Scope.APP)
        provider.provide(open_session, scope=Scope.REQUEST)
        handlers = [Handler.of(wide), Handler.of(narrow)]
        injection, faults = inject([provider], handlers)
        assert faults == []
        assert [injection.binding(handler).scoped for handler in handlers] == [False, True]

    @pytest.mark.parametrize(
        "case", ["looked up", "kept", "told", "made of another", "decorated", "conditional", "closed", "for all"]
    )
    async def test_what_is_there_anyway_is_given_without_a_scope(self, case: str) -> None:
        """For each message anew; what is kept, put together, decorated, conditional or closed is left to dishka."""
        given: list[Session] = []

        async def handle(command: Do, session: Session) -> None:
            given.append(session)

        def closing() -> Iterator[Session]:
            session = Session()
            yield session
            session.open = False

        def told(name: Literal["main"]) -> Session:
            assert name == "main"
            return Session()

        def made_of_another(other: Other) -> Session:
            assert isinstance(other, Other)
            return Session()

        def decorated(session: Session) -> Session:
            session.open = False
            return session

        provider = Provider(scope=Scope.APP if case == "for all" else Scope.REQUEST)
        made: dict[str, Any] = {"closed": closing, "told": told, "made of another": made_of_another}
        provider.provide(made.get(case, Session), provides=Session, cache=case in ("kept", "for all"))
        provider.provide(Other)
        if case == "decorated":
            provider.decorate(decorated, provides=Session)
        if case == "conditional":
            provider.provide(closing, provides=Session, when=Has(Mail))
        handler, router = Handler.of(handle), Router()
        router.settings.injection, faults = inject([provider], [handler])
        router.add(handler)
        bus = CommandBus(router=router)
        assert (faults, await bus.execute(Do()), await bus.execute(Do())) == ([], Success(None), Success(None))
        assert (given[0] is given[1]) is (case == "for all")
        assert given[0].open is (case not in ("closed", "decorated"))
        binding = router.settings.injection.binding(handler)
        assert binding.scoped is (case not in ("looked up", "for all"))
        assert ("scope" in router.route(handler).stages) is binding.scoped

    async def test_what_is_kept_for_a_message_stays_when_it_is_handled_twice(self) -> None:
        """An inner middleware that calls on again is given the same thing, which nothing closes."""
        given: list[Session] = []

        async def handle(command: Do, session: Session) -> None:
            given.append(session)

        async def twice(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
            await call_next(message, context)
            return await call_next(message, context)

        provider = Provider(scope=Scope.REQUEST)
        provider.provide(Session)
        handler, router = Handler.of(handle), Router()
        router.settings.injection, _ = inject([provider], [handler])
        router.add(handler)
        router.use(Used(twice, "inner", None, "test"))
        await CommandBus(router=router).execute(Do())
        assert given[0] is given[1]

    @pytest.mark.parametrize("awaited", [False, True])
    @pytest.mark.parametrize("scope", [Scope.APP, Scope.REQUEST])
    async def test_what_is_asked_for_may_be_in_a_component(self, scope: Scope, awaited: bool) -> None:
        """Of dishka, where two things of one type are told apart."""

        async def handle(command: Do, name: Annotated[str, FromComponent("second")]) -> str:
            return name

        async def other() -> str:
            return "other"

        first, second = Provider(scope=scope), Provider(scope=scope, component="second")
        first.provide(lambda: "first", provides=str)
        second.provide(other if awaited else lambda: "other", provides=str)
        handler, router = Handler.of(handle), Router()
        router.settings.injection, faults = inject([first, second], [handler])
        router.add(handler)
        assert (faults, await CommandBus(router=router).execute(Do())) == ([], Success("other"))

    @pytest.mark.parametrize("through", [False, True])
    def test_what_a_component_lacks_is_found_like_the_rest(self, through: bool) -> None:
        """Also what only something else in there asks for."""

        class Greeting:
            def __init__(self, name: str) -> None:
                self.name = name

        wanted = Greeting if through else str

        async def handle(command: Do, name: Annotated[Any, FromComponent("second")], mail: Mail) -> None:
            """Wants what is only in the first one."""

        handle.__annotations__["name"] = Annotated[wanted, FromComponent("second")]
        first, second = Provider(scope=Scope.APP), Provider(scope=Scope.APP, component="second")
        first.provide(lambda: "first", provides=str)
        second.provide(Greeting)
        _, faults = inject([first, second], [Handler.of(handle)])
        assert [(fault.code, fault.text.split(",")[0]) for fault in faults if "str" in fault.text] == [
            ("missing_dependency", "depends on str of the component second")
        ]
        assert [fault.hint for fault in faults if "Mail" in fault.text] == ["module.provide(Mail, ...)"]

    def test_what_cannot_be_stubbed_is_told_once(self) -> None:
        """And by its whole name."""

        class Box(Generic[T]):
            def __init__(self, content: T) -> None:
                self.content = content

        async def handle(command: Do, box: Box[Annotated[Other, "note"]]) -> None:
            """Nobody can make what is in there."""

        provider = Provider(scope=Scope.APP)
        provider.provide(Box)
        _, faults = inject([provider], [Handler.of(handle)])
        assert [(fault.code, "Annotated[" in fault.text) for fault in faults] == [("missing_dependency", True)]

    def test_every_fault_is_found_at_once(self) -> None:
        """Missing, captive and cyclic, each with the handler that led there."""

        class Holder:
            def __init__(self, session: Session) -> None:
                self.session = session

        class One:
            def __init__(self, two: "Two") -> None:
                self.two = two

        class Two:
            def __init__(self, one: One) -> None:
                self.one = one

        One.__init__.__annotations__["two"] = Two

        async def missing(command: Do, mail: Mail) -> None:
            """Nobody provides it."""

        async def missing_too(command: Do, other: Other) -> None:
            """Nor this."""

        async def captive(command: Do, holder: Holder) -> None:
            """Lives longer than what it holds."""

        async def cyclic(command: Do, one: One) -> None:
            """Bites its tail."""

        provider = Provider()
        provider.provide(open_session, scope=Scope.REQUEST)
        provider.provide(Holder, scope=Scope.APP)
        provider.provide(One, scope=Scope.APP)
        provider.provide(Two, scope=Scope.APP)
        _, faults = inject([provider], [Handler.of(one) for one in (missing, missing_too, captive, cyclic)])
        assert sorted(fault.code for fault in faults) == [
            "captive_dependency",
            "cyclic_dependency",
            "missing_dependency",
            "missing_dependency",
        ]
        for name in ("Mail", "Other", "Session", "One"):
            assert any(name in f"{fault.where} {fault.text}" for fault in faults)

    def test_only_what_has_to_be_awaited_is(self) -> None:
        """What a handler needs is made at once where nothing of it is async, however far away."""

        class Repository:
            def __init__(self, session: Session) -> None:
                self.session = session

        async def later() -> str:
            return "later"

        async def at_once(command: Do, mail: Mail, other: Other) -> None:
            """All of it is made by calls."""

        async def waiting(command: Do, repository: Repository) -> None:
            """Far away is a session that is opened by awaiting."""

        async def elsewhere(command: Do, name: Annotated[str, FromComponent("second")]) -> None:
            """So is this."""

        async def with_container(command: Do, container: AsyncContainer) -> None:
            """It is there already."""

        provider, second = Provider(scope=Scope.REQUEST), Provider(scope=Scope.REQUEST, component="second")
        provider.provide(Smtp, provides=Mail, scope=Scope.APP)
        provider.provide(Other)
        provider.provide(open_session)
        provider.provide(Repository)
        second.provide(later)
        handlers = [Handler.of(one) for one in (at_once, waiting, elsewhere, with_container)]
        injection, faults = inject([provider, second], handlers)
        assert faults == []
        assert [injection.binding(handler).waits for handler in handlers] == [False, True, True, False]

    async def test_what_is_there_on_a_condition_may_be_awaited(self) -> None:
        """Whether another thing is there, which dishka may have to await, however far away that is asked."""
        on = Marker("on")

        async def is_on() -> bool:
            return True

        class Special(Other):
            """What there is beside a mail."""

        async def near(command: Do, mail: Mail) -> str:
            return mail.send()

        async def far(command: Undo, other: Other) -> bool:
            return isinstance(other, Special)

        provider = Provider(scope=Scope.REQUEST)
        provider.activate(is_on, on)
        provider.provide(Smtp, provides=Mail, when=on)
        provider.provide(Other)
        provider.provide(Special, provides=Other, when=Has(Mail))
        handlers, router = [Handler.of(near), Handler.of(far)], Router()
        router.settings.injection, faults = inject([provider], handlers)
        for handler in handlers:
            router.add(handler)
        bus = CommandBus(router=router)
        assert (await bus.execute(Do()), await bus.execute(Undo()), faults) == (Success("sent"), Success(True), [])

    def test_what_a_component_has_is_told_apart(self) -> None:
        """A type of a component is not the same type elsewhere, and what it needs is its own."""

        class Repository:
            def __init__(self, session: Session) -> None:
                self.session = session

        async def handle(command: Do, repository: Annotated[Repository, FromComponent("second")]) -> None:
            """Reaches the session of the component."""

        second = Provider(scope=Scope.REQUEST, component="second")
        second.provide(open_session)
        second.provide(Repository)
        handler = Handler.of(handle)
        injection, faults = inject([second], [handler])
        assert (faults, injection.reaches(handler, Session)) == ([], False)
        assert injection.reaches(handler, Annotated[Session, FromComponent("second")])

    def test_what_a_handler_reaches_is_known(self) -> None:
        """Directly or through others, and for a bus without a container its own needs."""

        class Repository:
            def __init__(self, session: Session) -> None:
                self.session = session

        async def handle(command: Do, repository: Repository) -> None:
            """Reaches the session through the repository."""

        provider = Provider(scope=Scope.REQUEST)
        provider.provide(open_session)
        provider.provide(Repository)
        handler = Handler.of(handle)
        injection, _ = inject([provider], [handler])
        assert injection.reaches(handler, Session)
        assert not injection.reaches(handler, Other)
        alone, _ = inject([], [])
        alone.container = None
        assert alone.reaches(handler, Repository)
        assert not alone.reaches(handler, Session)
