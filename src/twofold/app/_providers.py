"""What every handler may ask for without anybody providing it."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, TypeVar, cast, get_args, get_origin

from dishka import Provider, Scope

from twofold.aggregates import Aggregate, Boundary, Entity, EntityRepository, EntityRows, History, Repository
from twofold.dispatch import Handler
from twofold.errors import WiringError
from twofold.messages import Catalogue, Context, current_context
from twofold.store import Store, UnitOfWork, current_unit

A = TypeVar("A", bound=Entity)

RowsOf: TypeAlias = Callable[[UnitOfWork], EntityRows]
"""Gives the rows of entities, in the session of a unit of work."""


def own_provider(
    services: Mapping[type, object], handlers: Iterable[Handler], rows_of: RowsOf | None = None
) -> Provider:
    """The application's services and history, the unit of work and context of the message, repositories, boundaries.

    What lives as long as the application takes the container longer to find than a repository takes to be made. So what
    is made for each message depends on the unit alone.

    Args:
        services: What lives as long as the application, by type.
        handlers: Who asks for repositories.
        rows_of: Gives the rows of entities; None where their store knows no SQL.
    """
    store, catalogue = cast("Store", services[Store]), cast("Catalogue", services[Catalogue])

    def repository(kind: type[A], unit: UnitOfWork) -> Repository[A]:
        if issubclass(kind, Aggregate):
            return Repository(kind, unit, store, catalogue)
        if rows_of is None:
            raise WiringError(f"{kind.__qualname__} is kept in rows, and the store knows no SQL")
        return EntityRepository(kind, unit, rows_of(unit))

    def repository_of(kind: type[A]) -> Callable[[UnitOfWork], Repository[A]]:
        def known(unit: UnitOfWork) -> Repository[A]:
            return repository(kind, unit)

        return known

    def boundary(unit: UnitOfWork) -> Boundary:
        return Boundary(unit, store, catalogue)

    provider = Provider()
    for wanted, service in services.items():
        provider.provide(_giving(service), provides=wanted, scope=Scope.APP)
    provider.provide(_unit, scope=Scope.REQUEST)
    provider.provide(_context, scope=Scope.REQUEST)
    provider.provide(repository, scope=Scope.REQUEST)
    for wanted in {hint for handler in handlers for hint in handler.needs.values() if get_origin(hint) is Repository}:
        (kind,) = get_args(wanted)
        if isinstance(kind, type) and issubclass(kind, Entity):
            provider.provide(repository_of(kind), provides=wanted, scope=Scope.REQUEST)
    provider.provide(boundary, scope=Scope.REQUEST)
    provider.provide(History, scope=Scope.APP)
    return provider


def _giving(service: object) -> Callable[[], object]:
    return lambda: service


def _unit() -> UnitOfWork:
    unit = current_unit()
    if unit is None:
        raise WiringError("a unit of work was asked for outside the handling of a command")
    return unit


def _context() -> Context:
    context = current_context()
    if context is None:
        raise WiringError("the context was asked for outside the handling of a message")
    return context
