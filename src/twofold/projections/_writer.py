"""Writers: what brings events to another technology, a search index or a cache, behind the log and at least once.

What is written there cannot commit with the checkpoint, so after a crash the last events are given again. Each comes
with its position, which only grows: who writes under it, or remembers it beside what is written, changes nothing twice.
"""

import inspect
import typing
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from functools import partial
from types import NoneType
from typing import Any, TypeAlias, final

from twofold.dispatch import Start, WriterDeclaration
from twofold.errors import Fault, FaultError, refuse_all, refuse_together
from twofold.messages import Catalogue, Event
from twofold.store import Batch, Fact, Recorded, Selection, Store

_Write: TypeAlias = Callable[[Any, Sequence[Fact]], Awaitable[None]]
_One: TypeAlias = Callable[[Any, Fact], Awaitable[None]]

_BATCH = 500
_ONE_BY_ONE = 100
_HINT = "async def on_event(self, event: SomeEvent, recorded: Recorded) -> None"


@final
class Writer:
    """A writer, read off its class at the start.

    Args:
        name: Its stable name.
        cls: Its class.
        events: The classes of the events that it wants.
        batch_size: How many of them it is given before its checkpoint moves.
        write: Gives events to an instance.
    """

    def __init__(self, name: str, cls: type, events: Collection[type], batch_size: int, write: _Write) -> None:
        self.name = name
        self.cls = cls
        self.events = events
        self.batch_size = batch_size
        self.write = write

    @classmethod
    def of(cls, declaration: WriterDeclaration) -> "Writer":
        """Read a writer off its declared class: a method for each event, or one for batches of several.

        Raises:
            FaultError: A method cannot be understood, or there is none.
        """
        source = declaration.cls
        where = f"writer {declaration.name}: {source.__module__}.{source.__qualname__}"
        ones: dict[type, _One] = {}
        batches: list[_Write] = []

        def read(name: str, function: Callable[..., Any]) -> None:
            kind, others = _read(f"{where}.{name}", function)
            if kind is Fact:
                batches.append(function)
            elif kind in ones:
                text = f"writes {kind.__qualname__} twice"
                raise FaultError(where=where, code="same_event", text=text, hint="join the two methods")
            else:
                ones[kind] = _giving(function, others)

        public = [one for one in inspect.getmembers(source, inspect.isfunction) if not one[0].startswith("_")]
        refuse_together(lambda: refuse_all(_untyped(where, source)), *(partial(read, *one) for one in public))
        _require_one_shape(where, declaration, ones, batches)
        if batches:
            return cls(declaration.name, source, declaration.events, _BATCH, batches[0])

        async def one_by_one(target: Any, facts: Sequence[Fact]) -> None:
            for fact in facts:
                await ones[fact.event.__class__](target, fact)

        return cls(declaration.name, source, ones.keys(), _ONE_BY_ONE, one_by_one)


@final
class OutsideWriter:
    """A writer that follows the log; a `Subscriber`.

    Args:
        writer: The writer.
        store: Where its checkpoint is.
        catalogue: Where its events have their wire names.
        make: Gives the one instance of its class.
    """

    def __init__(
        self, writer: Writer, store: Store, catalogue: Catalogue, make: Callable[[type], Awaitable[Any]]
    ) -> None:
        self._writer = writer
        self._store = store
        self._make = make
        self.name = writer.name
        self.selection = Selection(types=catalogue.stored_as(writer.events))
        self.start: Start = "beginning"
        self.batch_size = writer.batch_size
        self.partitions = 1
        self.version = 0

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Hand events over, and move the checkpoint once all of them are acknowledged."""
        wanted = [fact for fact in facts if fact.event.__class__ in self._writer.events]
        if wanted:
            await self._writer.write(await self._make(self._writer.cls), wanted)
        await self._store.commit(settled)


def _read(where: str, function: Callable[..., Any]) -> tuple[type, list[Any]]:
    """What a method is given: an event's class or `Fact` for a batch, and the annotations of what follows."""
    if not inspect.iscoroutinefunction(function):
        text = "is no async def, and writing would block the event loop"
        raise FaultError(where=where, code="async_mistake", text=text, hint=_HINT)
    hints = typing.get_type_hints(function)
    parameters = list(inspect.signature(function).parameters)[1:]
    kind = hints.get(parameters[0]) if parameters else None
    others = [hints.get(name) for name in parameters[1:]]
    if hints.get("return", NoneType) not in (NoneType, Any):
        text, hint = "answers something, and nobody looks at it", "raise an error when it cannot be written"
        raise FaultError(where=where, code="unusable_answer", text=text, hint=hint)
    if typing.get_origin(kind) is Sequence and typing.get_args(kind) == (Fact,) and not others:
        return Fact, []
    if not (isinstance(kind, type) and issubclass(kind, Event)):
        text, hint = "is given neither an event nor a batch of them", f"{_HINT}, or (self, facts: Sequence[Fact])"
        raise FaultError(where=where, code="no_event", text=text, hint=hint)
    if any(other is not Recorded for other in others):
        text, hint = "has a parameter that is not Recorded, so nothing can fill it", "ask for what it needs in __init__"
        raise FaultError(where=where, code="untyped_parameter", text=text, hint=hint)
    return kind, others


def _require_one_shape(
    where: str, declaration: WriterDeclaration, ones: Collection[type], batches: Collection[_Write]
) -> None:
    if not ones and not batches:
        raise FaultError(where=where, code="no_event", text="writes no event", hint=_HINT)
    if len(batches) > 1 or (ones and batches):
        text = "has a method that takes batches, and others beside it"
        raise FaultError(where=where, code="same_event", text=text, hint="give it one method for all, or none")
    if batches and not declaration.events:
        text, hint = "takes batches of nobody knows what", f"@module.writer({declaration.name!r}, events=[...])"
        raise FaultError(where=where, code="no_event", text=text, hint=hint)
    wrong = [event for event in declaration.events if not issubclass(event, Event)]
    if wrong:
        text = f"takes batches of {wrong[0].__qualname__}, which is no event"
        raise FaultError(where=where, code="no_event", text=text, hint="name classes of events")
    if ones and declaration.events:
        text, hint = "names events, and has a method for each", "leave events=[...] out"
        raise FaultError(where=where, code="same_event", text=text, hint=hint)


def _untyped(where: str, source: type) -> Iterator[Fault]:
    for name, parameter in inspect.signature(source).parameters.items():
        if parameter.annotation is inspect.Parameter.empty:
            text = f"is made with {name!r}, which has no type, so nothing can fill it"
            yield Fault(where=where, code="untyped_parameter", text=text, hint="annotate it with what it needs")


def _giving(function: Callable[..., Any], others: Sequence[Any]) -> _One:
    async def give(target: Any, fact: Fact) -> None:
        await function(target, fact.event, *[fact.recorded for _ in others])

    return give
