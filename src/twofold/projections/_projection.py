"""A projection as twofold runs it: which events it wants, and what it makes of each. Read off its class at start."""

import inspect
import typing
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol, TypeAlias, final

from twofold.dispatch import Mode, ProjectionDeclaration, Switch
from twofold.errors import Fault, FaultError, refuse_all
from twofold.projections._method import Method, read_method
from twofold.projections._rows import Rows, table_behind
from twofold.store import Fact, RowChange, UnitOfWork


class WritingSession(Protocol):
    """What projections and views ask of the session of a unit of work."""

    def execute(self, statement: Any, /) -> Awaitable[Any]:
        """Execute a statement."""
        ...

    def commit(self) -> Awaitable[None]:
        """Send what is pending; what is rolled back later was written later."""
        ...

    def close(self) -> Awaitable[None]:
        """Forget all objects."""
        ...


SessionOf: TypeAlias = Callable[[UnitOfWork], WritingSession]
"""Gives the session of a unit of work."""

_OF_ALL_METHODS: Final = frozenset({"no_sql", "no_table"})
"""What is told once, since it is mended for all methods of a projection at once."""

Owned: TypeAlias = Callable[[Sequence[RowChange], str | None], Sequence[RowChange]]
"""Gives the rows that belong to tenants the tenant of an event."""


@final
class Projection:
    """One projection.

    Args:
        name: Its stable name.
        mode: When it sees an event.
        cls: The class that declares it.
        tables: The tables that it fills.
        methods: What it makes of each class of event.
        session_of: Gives the session for the methods that take one.
        version: The version of what it makes of them.
        switch: When it takes the place of an older version.
        owned: Gives its rows their tenant; None where they have none.
    """

    def __init__(
        self,
        name: str,
        mode: Mode,
        cls: type,
        tables: Collection[Any],
        methods: dict[type, Method],
        session_of: SessionOf | None = None,
        *,
        version: int = 1,
        switch: Switch = "auto",
        owned: Owned | None = None,
    ) -> None:
        self.name = name
        self.mode = mode
        self.cls = cls
        self.tables = tuple(tables)
        self.takes_session = any(method.takes_session for method in methods.values())
        self.version = version
        self.switch = switch
        self.views: tuple[Any, ...] = ()
        """The materialized views over its tables, those before that others select from; the application says so."""
        self._writable = frozenset({*tables, *map(table_behind, tables)})
        self._methods = methods
        self._session_of = session_of
        self._owned = owned

    @classmethod
    def of(
        cls, declaration: ProjectionDeclaration, session_of: SessionOf | None = None, owned: Owned | None = None
    ) -> "Projection":
        """Read a projection off its declared class: one public method for each event it wants.

        Args:
            declaration: The projection as declared.
            session_of: Gives the session for methods that take one; None where there is no SQL.
            owned: Gives its rows their tenant; None where they have none.

        Raises:
            FaultError: A method cannot be understood, or there is none, or its mode, version or name is none.
        """
        source = declaration.cls
        where = f"projection {declaration.name}: {source.__module__}.{source.__qualname__}"
        instance = source()
        methods: dict[type, Method] = {}

        def read(name: str, function: Callable[..., Any]) -> None:
            method = read_method(f"{where}.{name}", function, getattr(instance, name), declaration)
            if method.event in methods:
                text = f"handles {method.event.__qualname__} twice"
                raise FaultError(where=where, code="same_event", text=text, hint="join the two methods")
            if method.takes_session and session_of is None:
                text, hint = "takes an AsyncSession, and the store knows no SQL", "use a database that does"
                raise FaultError(where=f"{where}.{name}", code="no_sql", text=text, hint=hint)
            methods[method.event] = method

        faults = [*_wrongs(declaration, where)]
        known_mode = declaration.mode in typing.get_args(Mode)  # without one nobody knows what a method may take
        for name, function in inspect.getmembers(source, inspect.isfunction) if known_mode else ():
            if not name.startswith("_"):
                try:
                    read(name, function)
                except FaultError as error:
                    told = _OF_ALL_METHODS.intersection(one.code for one in faults)
                    faults += [one for one in error.faults if one.code not in told]
        refuse_all(faults)
        if not methods:
            hint = "give it a public method with an event as parameter"
            raise FaultError(where=where, code="no_event", text="handles no event", hint=hint)
        found = cls(
            declaration.name,
            declaration.mode,
            source,
            declaration.tables,
            methods,
            session_of,
            version=declaration.version,
            switch=declaration.switch,
            owned=owned,
        )
        if found.takes_session and found.version > 1:
            text = (
                "has a method with a session, which knows the live tables only, and a version that is built beside them"
            )
            hint = "give it a new name and new tables, or queue row changes"
            raise FaultError(where=where, code="session_version", text=text, hint=hint)
        return found

    @property
    def switches_itself(self) -> bool:
        """Whether what is built takes the place as soon as it can, and not by a command."""
        return self.switch == "auto" or self.mode == "inline"

    @property
    def events(self) -> Collection[type]:
        """The classes of the events that it wants."""
        return self._methods.keys()

    def fills(self, table: Any) -> bool:
        """Whether a table, or the one behind a mapped class, is among those that it declares."""
        return table in self._writable or table_behind(table) in self._writable

    def rows(self, facts: Iterable[Fact], into: Rows | None = None) -> Sequence[RowChange]:
        """What it makes of events, in order, when no method takes a session; what it does not want is passed over.

        Args:
            facts: The events.
            into: What collects the changes; one that takes those of its own tables unless given.
        """
        rows = Rows(self._writable, self.name) if into is None else into
        for fact in facts:
            method = self._methods.get(fact.event.__class__)
            if method is not None:
                since = len(rows.changes)
                method.queue(fact, rows)
                self._give_tenant(fact, rows, since)
        return rows.changes

    async def fill(self, facts: Iterable[Fact], unit: UnitOfWork) -> None:
        """Let it see events in a unit of work, in order.

        What is queued when a method takes the session is written before it, so each sees what came before.
        """
        if self._session_of is None or not self.takes_session:
            unit.change(*self.rows(facts))
            return
        rows, session = Rows(self._writable, self.name), self._session_of(unit)
        for fact in facts:
            method = self._methods.get(fact.event.__class__)
            if method is None:
                continue
            if method.takes_session:
                unit.change(*rows.drain())
                await unit.write_rows()
                await _settle(session)
                await method.run(fact, rows, session)
                await _settle(session)
                self._give_tenant(fact, rows, 0)
            else:
                since = len(rows.changes)
                method.queue(fact, rows)
                self._give_tenant(fact, rows, since)
        unit.change(*rows.drain())

    def _give_tenant(self, fact: Fact, rows: Rows, since: int) -> None:
        if self._owned is not None:
            rows.changes[since:] = self._owned(rows.changes[since:], fact.recorded.headers.get("tenant"))


def _wrongs(declaration: ProjectionDeclaration, where: str) -> Iterator[Fault]:
    for word, known, value in (("mode", Mode, declaration.mode), ("switch", Switch, declaration.switch)):
        if value not in typing.get_args(known):
            hint = f"one of {', '.join(typing.get_args(known))}"
            yield Fault(where=where, code=f"unknown_{word}", text=f"has the {word} {value!r}", hint=hint)
    if type(declaration.version) is not int or declaration.version < 1:
        text = f"has the version {declaration.version!r}"
        yield Fault(where=where, code="unknown_version", text=text, hint="versions count from 1")
    if "@" in declaration.name:
        hint = "rename it: a version that is built beside it has its name with an @"
        yield Fault(where=where, code="projection_name", text="has an @ in its name", hint=hint)


async def _settle(session: WritingSession) -> None:
    """Send what is pending, and keep no object that a change of rows could make a lie of."""
    await session.commit()
    await session.close()
