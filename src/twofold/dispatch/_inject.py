"""Building the container of an application: a handler is a factory of its parameters, in the widest scope they allow.

It is done once, at the start, and every fault of the graph is learnt at once.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, cast, get_args, get_origin

from dishka import AsyncContainer, Provider, Scope, make_async_container
from dishka.entities.component import DEFAULT_COMPONENT
from dishka.entities.key import DependencyKey
from dishka.exception_base import DishkaError
from dishka.exceptions import CycleDependenciesError, NoFactoryError

from twofold.dispatch._handler import Handler
from twofold.dispatch._injection import Injection, key_of, maker_of, registries_of
from twofold.dispatch._signature import UNIONS
from twofold.errors import Fault


def inject(providers: Sequence[Provider], handlers: Sequence[Handler]) -> tuple[Injection, list[Fault]]:
    """Build the container of an application, and check all of it.

    dishka stops at the first fault of a graph; each one is recorded and stubbed, until the rest is known.

    Args:
        providers: What the application provides; later ones win.
        handlers: The handlers whose needs are to be filled.

    Returns:
        The injection, and every fault that was found.
    """
    known = make_async_container(*providers, skip_validation=True)
    own = Provider()
    factories: dict[Handler, type] = {}
    scoped: set[Handler] = set()
    owners: dict[type, Handler] = {}
    for handler in handlers:
        if handler.needs:
            scope = _widest_scope(handler, known)
            if scope is Scope.REQUEST:
                scoped.add(handler)
            key = factories[handler] = type(handler.name, (), {})
            owners[key] = handler
            own.provide(_factory(handler), provides=key, scope=scope)
    container, faults = _without_faults([*providers, own], owners)
    return Injection(container, factories, scoped), faults


def _factory(handler: Handler) -> Any:
    """A function of the handler's dependencies, with the annotations that dishka reads."""
    make: Any = maker_of(handler)
    make.__name__ = make.__qualname__ = handler.name
    make.__annotations__ = dict(handler.needs)
    make.__signature__ = inspect.Signature(
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint)
            for name, hint in handler.needs.items()
        ]
    )
    return make


def _widest_scope(handler: Handler, container: AsyncContainer) -> Scope:
    """The application's scope when every dependency is known there, else the message's."""
    wide = [registry for registry in registries_of(container) if cast("Scope", registry.scope) <= Scope.APP]
    everywhere = all(any(registry.get_factory(key_of(hint)) for registry in wide) for hint in handler.needs.values())
    return Scope.APP if everywhere else Scope.REQUEST


def _without_faults(
    providers: Sequence[Provider], owners: Mapping[type, Handler]
) -> tuple[AsyncContainer, list[Fault]]:
    faults: list[Fault] = []
    stubs: dict[DependencyKey, Provider] = {}
    while True:
        try:
            return make_async_container(*providers, *stubs.values()), faults
        except DishkaError as error:
            found, wanted = _fault(error, owners)
            unproven = make_async_container(*providers, skip_validation=True)
            faults = list(dict.fromkeys((*faults, found, *_others(error, unproven, owners))))
            if wanted is None or wanted in stubs:  # no stub helps
                return make_async_container(*providers, *stubs.values(), skip_validation=True), faults
            stub = stubs[wanted] = Provider(scope=Scope.APP, component=wanted.component)
            stub.provide(lambda: None, provides=wanted.type_hint)


def _others(error: DishkaError, container: AsyncContainer, owners: Mapping[type, Handler]) -> Iterator[Fault]:
    """The same fault of others, which a stub would hide: each keeps, or annotates, what it wants by itself.

    What nothing provides is one fault, whoever asks for it: to provide it mends all of them.
    """
    if not isinstance(error, NoFactoryError):
        return
    wanted, elsewhere = error.requested, error.suggest_other_scopes
    if not elsewhere and get_origin(wanted.type_hint) not in UNIONS:
        return
    for registry in registries_of(container):
        if wanted in registry.factories:
            return  # from here on it lives as long as whoever asks for it
        for factory in registry.factories.values():
            if wanted in (*factory.dependencies, *factory.kw_dependencies.values()):
                yield _fault(NoFactoryError(wanted, [factory], elsewhere), owners)[0]


def _fault(error: DishkaError, owners: Mapping[type, Handler]) -> tuple[Fault, DependencyKey | None]:
    """What dishka found, in twofold's words, and what to stub so that it can look further."""
    if isinstance(error, CycleDependenciesError):
        names = [_name(factory.provides) for factory in error.path]
        text = f"depends on itself: {' -> '.join([*names, names[0]])}"
        hint = "move what both of them need into a third"
        fault = Fault(where=names[0], code="cyclic_dependency", text=text, hint=hint)
        return fault, error.path[0].provides
    if not isinstance(error, NoFactoryError):
        return Fault(where="container", code="invalid_graph", text=str(error)), None
    asked = [factory.provides for factory in error.path]
    wanted = error.requested
    names = [_name(key) for key in [*(key for key in asked if key.type_hint not in owners), wanted]]
    handler = next((owners[key.type_hint] for key in asked if key.type_hint in owners), None)
    where = handler.id if handler else names[0]
    through = f" (through {' -> '.join(names[:-1])})" if len(names) > (1 if handler else 2) else ""
    if error.suggest_other_scopes:
        owner = names[-2] if len(names) > 1 else where
        text = f"lives as long as the application and would keep the {names[-1]} of one message for ever{through}"
        hint = f'provide {owner} with scope="message", or {names[-1]} with scope="app"'
        return Fault(where=where, code="captive_dependency", text=text, hint=hint), wanted
    text, hint = f"depends on {names[-1]}, which nothing provides{through}", f"module.provide({names[-1]}, ...)"
    if get_origin(wanted.type_hint) in UNIONS:
        members = " or ".join(_shown(one) for one in get_args(wanted.type_hint) if one is not NoneType)
        default = ", or give it a default" if len(names) == 1 else ""
        hint = f"a dependency is there or is not: annotate {members}{default}"
    elif wanted.component != DEFAULT_COMPONENT:
        hint = f"module.include(Provider(component={wanted.component!r})), with what provides it"
    return Fault(where=where, code="missing_dependency", text=text, hint=hint), wanted


def _name(key: DependencyKey) -> str:
    name = _shown(key.type_hint)
    return name if key.component == DEFAULT_COMPONENT else f"{name} of the component {key.component}"


def _shown(hint: Any) -> str:
    """A type as people write it."""
    if get_origin(hint) in UNIONS:
        return " | ".join("None" if one is NoneType else _shown(one) for one in get_args(hint))
    return str(hint) if get_origin(hint) is Annotated else getattr(hint, "__qualname__", None) or str(hint)
