"""One method of a projection: the event that it wants, what it is given, and what it gives back."""

import inspect
import sys
import typing
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeAlias, Union, cast, final

from twofold.dispatch import ProjectionDeclaration
from twofold.errors import Fault, FaultError, refuse_all, refuse_together
from twofold.messages import Event
from twofold.projections._rows import Rows
from twofold.store import Add, Delete, Fact, Recorded, Upsert

_Given: TypeAlias = Callable[[Fact, Rows, Any], tuple[Any, ...]]

_CHANGES = (Upsert, Add, Delete)


@final
class Method(NamedTuple):
    """A method of a projection, bound to it.

    Args:
        event: The class of the event that it wants.
        call: The method.
        given: What it is called with.
        takes_session: Whether it has to be awaited, with a session.
    """

    event: type
    call: Callable[..., Any]
    given: _Given
    takes_session: bool

    def queue(self, fact: Fact, rows: Rows) -> None:
        """Let a `def` see an event; what it changes is queued."""
        answer = self.call(*self.given(fact, rows, None))
        if answer is not None:
            _take(answer, rows)

    async def run(self, fact: Fact, rows: Rows, session: Any) -> None:
        """Let an `async def` see an event; what it does not write by itself is queued."""
        answer = await self.call(*self.given(fact, rows, session))
        if answer is not None:
            _take(answer, rows)


def read_method(
    where: str, function: Callable[..., Any], bound: Callable[..., Any], declaration: ProjectionDeclaration
) -> Method:
    """Read a method of a projection.

    Args:
        where: What to call it in a fault.
        function: The function, as its class has it.
        bound: The same, of an instance.
        declaration: The projection that it belongs to.

    Raises:
        FaultError: It has a shape that cannot work.
    """
    hints = typing.get_type_hints(function)
    event, others = _event(where, bound, hints)
    kinds = [hints.get(name) for name in others]
    session = _session_class()
    takes_session = session is not None and session in kinds
    untyped = [
        name
        for name, kind in zip(others, kinds, strict=True)
        if kind not in (Rows, Recorded) and (session is None or kind is not session)
    ]
    refuse_together(
        partial(_require_awaited, where, function, takes_session=takes_session),
        lambda: refuse_all(_unfilled(where, untyped)),
        partial(_require_stored, where, declaration, kinds, hints.get("return", Any), takes_session=takes_session),
    )
    return Method(event, bound, _giving(kinds), takes_session)


def _event(where: str, bound: Callable[..., Any], hints: dict[str, Any]) -> tuple[type, list[str]]:
    parameters = list(inspect.signature(bound).parameters)
    if not parameters:
        hint = "give it one, or start its name with an underscore"
        raise FaultError(where=where, code="no_event", text="takes no event", hint=hint)
    first, *others = parameters
    event = hints.get(first)
    if not (isinstance(event, type) and issubclass(event, Event)):
        if typing.get_origin(event) in (Union, UnionType):
            text, hint = "takes a union, and a method takes one event", "write a method for each of them"
        else:
            text, hint = "has a first parameter without an annotation that is an event", "annotate it with the event"
        raise FaultError(where=where, code="no_event", text=text, hint=hint)
    return event, others


def _require_awaited(where: str, function: Callable[..., Any], *, takes_session: bool) -> None:
    """A session is used in an `async def`, and in nothing else; nothing else is one."""
    if inspect.isasyncgenfunction(function):
        text, hint = "is an async generator, which nobody iterates", "change Rows instead of yielding"
        raise FaultError(where=where, code="async_mistake", text=text, hint=hint)
    if inspect.iscoroutinefunction(function) and not takes_session:
        hint = "make it a def: it queues row changes, and twofold writes them; or let it take an AsyncSession"
        raise FaultError(where=where, code="async_mistake", text="is async def", hint=hint)
    if takes_session and not inspect.iscoroutinefunction(function):
        text = "is a def and takes an AsyncSession, which has to be awaited"
        raise FaultError(where=where, code="async_mistake", text=text, hint="make it async def")


def _unfilled(where: str, names: Iterable[str]) -> Iterator[Fault]:
    for name in names:
        text = f"has a parameter {name!r} that is neither Rows, Recorded nor AsyncSession, so nothing can fill it"
        yield Fault(where=where, code="untyped_parameter", text=text, hint="annotate it with one of them")


def _require_stored(
    where: str, declaration: ProjectionDeclaration, kinds: Collection[Any], answer: Any, *, takes_session: bool
) -> None:
    """What is made of an event has to have a place, and a live projection has none but its rows."""
    if takes_session and declaration.mode == "live":
        text, hint = (
            "takes an AsyncSession, and a live projection stores nothing",
            "change Rows, or choose another mode",
        )
        raise FaultError(where=where, code="live_session", text=text, hint=hint)
    answers = _answers_changes(where, answer)
    if (Rows in kinds or answers) and not declaration.tables:
        text = f"{'takes Rows' if Rows in kinds else 'answers changes of rows'}, and no table is declared"
        hint = f"@module.projection({declaration.name!r}, tables=[...])"
        raise FaultError(where=where, code="no_table", text=text, hint=hint)


def _answers_changes(where: str, hint: Any) -> bool:
    """Whether an annotation says that changes of rows are answered."""
    if hint in _CHANGES or any(_answers_changes(where, part) for part in typing.get_args(hint)):
        return True
    plain = isinstance(hint, type) and typing.get_origin(hint) is None and hint not in (Any, NoneType, object)
    if plain and not issubclass(hint, Iterable):
        text, hint = f"answers {hint.__name__}, and only changes of rows can be written", "answer Upsert, Add or Delete"
        raise FaultError(where=where, code="unusable_answer", text=text, hint=hint)
    return False


def _giving(kinds: list[Any]) -> _Given:
    def given(fact: Fact, rows: Rows, session: Any) -> tuple[Any, ...]:
        recorded = fact.recorded
        return fact.event, *[rows if kind is Rows else recorded if kind is Recorded else session for kind in kinds]

    return given


def _take(answer: object, rows: Rows) -> None:
    for change in cast("Iterable[object]", answer) if isinstance(answer, Iterable) else (answer,):
        rows.take(change)


def _session_class() -> type | None:
    """SQLAlchemy's class of sessions; whoever annotates with it has imported it."""
    return getattr(sys.modules.get("sqlalchemy.ext.asyncio"), "AsyncSession", None)
