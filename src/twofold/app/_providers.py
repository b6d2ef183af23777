"""What every handler may ask for without anybody providing it."""

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

from dishka import Provider, Scope

from twofold.aggregates import Aggregate, Boundary, Entity, EntityRepository, EntityRows, History, Repository
from twofold.dispatch import giving
from twofold.errors import WiringError
from twofold.messages import Catalogue, Context, current_context
from twofold.store import Store, UnitOfWork, current_unit

A = TypeVar("A", bound=Entity)

RowsOf: TypeAlias = Callable[[UnitOfWork], EntityRows]
"""Gives the rows of entities, in the session of a unit of work."""


def own_provider(services: Mapping[type, object], rows_of: RowsOf | None = None) -> Provider:
    """The application's services and history, the unit of work and context of the message, repositories, boundaries.

    Args:
        services: What lives as long as the application, by type.
        rows_of: Gives the rows of entities; None where their store knows no SQL.
    """

    def repository(kind: type[A], unit: UnitOfWork, store: Store, catalogue: Catalogue) -> Repository[A]:
        if issubclass(kind, Aggregate):
            return Repository(kind, unit, store, catalogue)
        if rows_of is None:
            raise WiringError(f"{kind.__qualname__} is kept in rows, and the store knows no SQL")
        return EntityRepository(kind, unit, rows_of(unit))

    provider = Provider()
    for wanted, service in services.items():
        provider.provide(giving(service), provides=wanted, scope=Scope.APP)
    provider.provide(_unit, scope=Scope.REQUEST, cache=False)
    provider.provide(_context, scope=Scope.REQUEST, cache=False)
    provider.provide(repository, scope=Scope.REQUEST)
    provider.provide(Boundary, scope=Scope.REQUEST)
    provider.provide(History, scope=Scope.APP)
    return provider


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
