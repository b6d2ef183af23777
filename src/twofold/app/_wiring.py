"""What an application is made of, and how that is checked and put together: nothing of it changes while it runs.

`App` derives from it, and adds what runs.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from dishka import Provider, Scope

from twofold.app._assemble import assemble
from twofold.app._assembly import Assembly
from twofold.app._places import Places
from twofold.app._production import Profile, profile_of
from twofold.app._publisher import Publisher
from twofold.app._role import Role
from twofold.app._room import spans_installed
from twofold.app._run import Run
from twofold.app._said import Running, Said, Watching
from twofold.app._stores import Stores
from twofold.app.discovery import discovered
from twofold.clock import Clock, IdSource
from twofold.dispatch import (
    CommandBus,
    Dispatcher,
    EventBus,
    Middleware,
    Module,
    Place,
    Portal,
    QueryBus,
    Router,
    Used,
    When,
    giving,
)
from twofold.errors import Category, Classification, Fault, FaultError, StartError, WiringError
from twofold.messages import Catalogue, Context
from twofold.middleware import Meter, Spans
from twofold.store import Store, UnitOfWork
from twofold.subscriptions import Observer

if TYPE_CHECKING:
    from twofold.reliability import Listener


class Wiring:
    """All that is said of an application before it starts, and what is put together from it.

    Args:
        said: Its settings.
        modules: What it is made of.
        places: Where it keeps what it has.
        ids: Where it gets its ids.
    """

    def __init__(self, said: Said, modules: Sequence[Module], places: Places, ids: IdSource) -> None:
        self.name = said.name
        self.said = said
        self.modules = list(modules)
        self.role = Role.ALL
        self.router = Router(clock=said.clock, ids=ids)
        self.watching = Watching()
        self._refused: list[Fault] = []
        self._places = places
        self._stores: Stores | None = None
        self._overrides: Provider = Provider()
        self._assembly: Assembly | None = None
        self._run: Run | None = None
        self._portal = Portal()
        self.commands = CommandBus(router=self.router, portal=self._portal)
        self.queries = QueryBus(router=self.router, portal=self._portal)
        self.events = EventBus(
            router=self.router, portal=self._portal, publisher=Publisher(self.router, self._own_unit)
        )
        self.dispatcher = Dispatcher(router=self.router, portal=self._portal, events=self.events)

    @property
    def clock(self) -> Clock:
        """Where it gets the time."""
        return self.said.clock

    @property
    def store(self) -> Store:
        """Where its log is, and everything else, unless it has a read database."""
        return self.stores.write

    @property
    def stores(self) -> Stores:
        """Where it keeps what it has."""
        if self._stores is None:
            self._stores = self._places.stores(self.name, self.role, self.router.catalogue, self.clock)
        return self._stores

    @property
    def errors(self) -> Classification:
        """What exceptions and error values mean, over all modules; the application's own word wins."""
        merged: dict[type, Category] = {}
        for module in self.modules:
            merged.update(module.errors)
        return {**merged, **self.said.errors}

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._run is not None

    @property
    def production(self) -> bool:
        """Whether it runs where others depend on it, and not in a test."""
        return self.said.production and not self.said.lent

    def use_database(self, database: "str | Path | Store") -> None:
        """Mount the application on another database, before it starts.

        Raises:
            WiringError: It is running.
        """
        self._change()
        self._places, self._stores = replace(self._places, database=database), None

    def use_read_database(self, read_database: "str | Path | Store") -> None:
        """Keep what queries read in another database, before the application starts.

        Raises:
            WiringError: It is running.
        """
        self._change()
        self._places, self._stores = replace(self._places, read_database=read_database), None

    @contextmanager
    def elsewhere(
        self, store: Store, *, clock: Clock | None = None, instead: Mapping[Any, object] | None = None
    ) -> Generator[None]:
        """Be on another store for a block, read models too, and as before behind it; for tests. It starts inside.

        Keys of personal data are kept in memory meanwhile, and so is what leaves over its broker.

        Args:
            store: The store.
            clock: Where it gets the time meanwhile; where it always does unless given.
            instead: Objects that are in the places of dependencies meanwhile, as with `override`.

        Raises:
            WiringError: It is running.
        """
        self._change()
        before = self._places, self._stores, self.said, self._overrides
        self._places, self._stores, self._overrides = self._places.on(store), None, Provider()
        self.said = replace(self.said, lent=True)
        self._tell_time(clock or self.clock)
        try:
            self._overrides.factories.extend(before[-1].factories)
            for wanted, substitute in (instead or {}).items():
                self.override(wanted, substitute)
            yield
        finally:
            self._places, self._stores, self.said, self._overrides = before
            self._tell_time(self.clock)
            self._assembly = None

    def use_role(self, role: Role | str) -> None:
        """Be a part of the application only, before it starts: other processes on the same database are the others.

        Only `all` and `worker` run projections and reactions, create missing tables, and bring projections into their
        modes; the other two refuse to start on a database that is not prepared, of which commands need none but the
        one that they write to. `settle` and `progress` tell of the
        whole application, by the checkpoints in the database.

        Args:
            role: `all`, `api-commands`, `api-queries` or `worker`.

        Raises:
            WiringError: It is running, or there is no such role.
        """
        self._change()
        if role not in tuple(Role):
            raise WiringError(f"there is no role {role!r}: it is one of {', '.join(Role)}")
        self.role, self._stores = Role(role), None

    def use_profile(self, profile: Profile) -> None:
        """Run in production, or in development, whatever code and environment say; before it starts.

        Raises:
            WiringError: It is running, or there is no such profile.
        """
        self._change()
        self.said = replace(self.said, profile=profile_of(profile))

    def mount(self, module: Module) -> None:
        """Add a module, before the application starts.

        Raises:
            WiringError: It is running.
        """
        self._change()
        self.modules.append(module)

    def discover(self, package: str | ModuleType | None) -> Self:
        """Mount every module of a package, before the application starts: all Python modules below it are imported.

        That is every `Module` at the top of one, of private files too, each once and in the order of their names. One
        that is mounted already is not mounted again.

        Args:
            package: The package, by name or as it is; `__package__` is the one that the caller is in.

        Returns:
            The application.

        Raises:
            NotDiscovered: There is no such package, something in it cannot be imported, or it has no module.
            WiringError: It is running.

        Example:
            >>> app = App("shop").discover("shop")
        """
        self._change()
        self.modules += [module for module in discovered(package) if module not in self.modules]
        return self

    def use(self, middleware: Middleware, *, at: Place = "outer", when: When = None) -> None:
        """Wrap handlers with a middleware, before the application starts.

        Args:
            middleware: `async def middleware(message, context, call_next) -> Result`.
            at: `outer`: around everything but telemetry; `inner`: right around the handler, inside its transaction.
            when: Which handlers: a kind, a message class, or a function of the handler; all unless given.

        Raises:
            WiringError: It is running.
        """
        self._change()
        try:
            self.router.use(Used(middleware, at, when, "the application"))
        except FaultError as error:  # told at the start, with all others
            self._refused += error.faults

    def override(self, wanted: Any, substitute: Any) -> None:
        """Put an object in the place of a dependency, before the application starts: a fake in a test, say.

        Args:
            wanted: The type that is asked for.
            substitute: What is given instead.

        Raises:
            WiringError: It is running.
        """
        self._change()
        self._overrides.provide(giving(substitute), provides=wanted, scope=Scope.APP)

    def observe(
        self,
        *,
        meter: Meter | None = None,
        observer: Observer | None = None,
        spans: Spans | None = None,
        circuits: "Listener | None" = None,
    ) -> None:
        """Have somebody keep the numbers, or be told what happens, before the application starts.

        Args:
            meter: Told of every message.
            observer: Told of every failure of a projection or reaction; the log is, unless given.
            spans: Where a span of every message goes; where a provider of OpenTelemetry was set, there unless given.
            circuits: Called in the event loop with every change of state of a built-in circuit breaker; what it raises
                is logged, and disturbs no message.

        Raises:
            WiringError: It is running.
        """
        self._change()
        now = self.watching
        self.watching = Watching(
            meter=meter or now.meter,
            observer=observer or now.observer,
            spans=spans or now.spans,
            circuits=circuits or now.circuits,
        )

    def check(self) -> list[Fault]:
        """Everything that keeps it from starting; empty when it is sound.

        Routes are not looked at: they are no business of an application that is not served. `doctor` does.
        """
        made = self._assembled()
        return [*made.faults, *made.brokerless]

    @property
    def brokerless(self) -> list[Fault]:
        """Those of the faults that only who relays or receives has: no broker is said where this process runs."""
        return self._assembled().brokerless

    @property
    def assembly(self) -> Assembly:
        """What was put together, to be looked at; it starts with a broker for what goes over one.

        Raises:
            StartError: It is not sound.
        """
        made = self._assembled()
        if made.faults:
            raise StartError(app=self.name, faults=self.check())
        return made

    def new_unit(self, context: Context) -> UnitOfWork:
        """A unit of work for a message."""
        if self._assembly is None:
            return UnitOfWork(self.store, self.router.catalogue, context)
        made, bounds = self._assembly, self.said.bounds
        return UnitOfWork(made.store, self.router.catalogue, context, made.inline, made.held, made.told, bounds)

    def _assembled(self) -> Assembly:
        if self._assembly is None:
            self.router.clear()
            self._assembly = assemble(
                modules=self.modules,
                router=self.router,
                stores=self.stores,
                broker=self._places.broker,
                said=self.said,
                role=self.role,
                errors=self.errors,
                watching=self.watching._replace(spans=self.watching.spans or spans_installed()),
                running=Running(
                    new_unit=self.new_unit, visible=self._visible, seen=self._seen, services=self._services
                ),
                overrides=self._overrides,
                refused=self._refused,
            )
        return self._assembly

    def _own_unit(self, context: Context) -> UnitOfWork:
        self._running()
        return self.new_unit(context)

    def _services(self) -> dict[type, object]:
        return {
            CommandBus: self.commands,
            QueryBus: self.queries,
            EventBus: self.events,
            Dispatcher: self.dispatcher,
            Clock: self.clock,
            Catalogue: self.router.catalogue,
        }

    async def _visible(self, position: int, names: Sequence[str], timeout: float) -> None:
        await self._running().visible(position, names, timeout)

    async def _seen(self, names: Iterable[str]) -> int:
        return await self._running().seen(names)

    def _tell_time(self, clock: Clock) -> None:
        self.said = replace(self.said, clock=clock)
        self.router.clock = clock

    def _running(self) -> Run:
        if self._run is None:
            text = f"{self.name} is not running: `async with app:`, or `with app.sync:` where nothing awaits"
            raise WiringError(text)
        return self._run

    def _change(self) -> None:
        if self._run is not None:
            raise WiringError(f"{self.name} is running: change it before it starts")
        self._assembly = None
