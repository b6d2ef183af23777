"""Middleware: the one shape of everything around a handler, in a stated order."""

from dataclasses import dataclass
from typing import Any

import pytest

from twofold.dispatch import CommandBus, Dispatcher, Next, Place
from twofold.errors import Forbidden, WiringError
from twofold.messages import Command, Context, Event, Kind, Query
from twofold.result import Failure, Result, Success

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Do(Command[list[str]]):
    """A command."""

    steps: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DoMore(Do):
    """A special command."""


@dataclass(frozen=True, kw_only=True)
class Ask(Query[list[str]]):
    """A query."""


@dataclass(frozen=True, kw_only=True)
class Happened(Event):
    """An event."""


class Step:
    """A middleware that notes when it was passed, in and out."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name = name
        self.notes = notes

    async def __call__(self, message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        """Pass it on."""
        self.notes.append(f"{self.name} in")
        result = await call_next(message, context)
        self.notes.append(f"{self.name} out")
        return result


def dispatcher_with(notes: list[str]) -> Dispatcher:
    """One handler of each sort."""
    dispatcher = Dispatcher()
    for command in (Do, DoMore):
        dispatcher.register_command(command, lambda message: notes.append("handle"))
    dispatcher.register_query(Ask, lambda message: notes.append("handle"))
    dispatcher.register_event(Happened, lambda message: notes.append("handle"))
    return dispatcher


async def test_the_first_is_outermost_and_inner_is_inside_outer() -> None:
    """In the order in which they were put there, and out again the other way round."""
    notes: list[str] = []
    dispatcher = dispatcher_with(notes)
    places: list[tuple[str, Place]] = [("c", "inner"), ("a", "outer"), ("d", "inner"), ("b", "outer")]
    for name, at in places:
        dispatcher.use(Step(name, notes), at=at)
    await dispatcher.dispatch(Do())
    assert notes == ["a in", "b in", "c in", "d in", "handle", "d out", "c out", "b out", "a out"]


@pytest.mark.parametrize(
    "when, wrapped",
    [
        (None, {"Do", "DoMore", "Ask", "Happened"}),
        (Kind.QUERY, {"Ask"}),
        (Do, {"Do", "DoMore"}),
        (lambda handler: handler.message_type is DoMore, {"DoMore"}),
    ],
)
async def test_it_wraps_the_handlers_that_were_asked_for(when: Any, wrapped: set[str]) -> None:
    """All, those of a kind, those of a class, or as a function says; it is not even there for the others."""
    seen: set[str] = set()

    async def note(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        seen.add(type(message).__name__)
        return await call_next(message, context)

    dispatcher = dispatcher_with([])
    dispatcher.use(note, when=when)
    for message in (Do(), DoMore(), Ask(), Happened()):
        await dispatcher.dispatch(message)
    assert seen == wrapped


async def test_it_may_answer_instead_of_the_handler() -> None:
    """A guard that refuses; the handler never runs."""

    async def refuse(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        return Failure("closed")

    notes: list[str] = []
    dispatcher = dispatcher_with(notes)
    dispatcher.use(refuse)
    result: Result[Any, Any] = await dispatcher.dispatch(Do())
    assert result == Failure("closed")
    assert notes == []


async def test_it_may_change_the_message_and_the_answer() -> None:
    """What it passes on is what the handler gets."""

    async def change(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        result = await call_next(Do(steps=(*message.steps, "changed")), context)
        return result.map(lambda steps: [*steps, "answered"])

    bus = CommandBus()
    bus.register(Do, lambda message: list(message.steps))
    bus.use(change)
    assert await bus.execute(Do(steps=("sent",))) == Success(["sent", "changed", "answered"])


async def test_a_refusal_that_it_raises_is_a_failure_and_a_bug_propagates() -> None:
    """As for a handler."""
    errors: list[Exception] = [Forbidden("not you"), KeyError("x")]

    async def guard(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        raise errors.pop(0)

    bus = CommandBus()
    bus.register(Do, lambda message: [])
    bus.use(guard)
    assert isinstance((await bus.execute(Do())).error, Forbidden)
    with pytest.raises(KeyError):
        await bus.execute(Do())


async def test_a_failure_of_a_class_that_it_answers_is_refused() -> None:
    """As of a handler: what was meant is an error that says something."""

    async def guard(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        return Failure(Forbidden)

    bus = CommandBus()
    bus.register(Do, lambda message: [])
    bus.use(guard)
    with pytest.raises(WiringError, match=r"middleware .*guard answered a Failure of the class Forbidden: make"):
        await bus.execute(Do())


async def test_one_that_comes_late_is_in_the_next_dispatch() -> None:
    """What was compiled before is compiled again."""
    notes: list[str] = []
    dispatcher = dispatcher_with(notes)
    await dispatcher.dispatch(Do())
    dispatcher.use(Step("late", notes))
    await dispatcher.dispatch(Do())
    assert notes == ["handle", "late in", "handle", "late out"]


async def test_that_of_a_bus_wraps_what_the_bus_takes() -> None:
    """The buses of a dispatcher share a router; what is put around commands is asked about no query and no event."""
    notes: list[str] = []
    dispatcher = dispatcher_with(notes)
    for bus in (dispatcher.commands, dispatcher.queries, dispatcher.events):
        bus.use(Step(type(bus).__name__, notes))
    for message in (Do(), Ask(), Happened()):
        await dispatcher.dispatch(message)
    assert notes[::3] == ["CommandBus in", "QueryBus in", "EventBus in"]
    assert notes[1::3] == ["handle"] * 3


def test_a_place_that_there_is_not_is_refused() -> None:
    """A middleware that is nowhere would be passed by, and nobody would know."""
    place: Any = "innner"
    with pytest.raises(WiringError, match=r"at='innner', where nothing is .*say at=\"outer\" or at=\"inner\""):
        CommandBus().use(Step("lost", []), at=place)
