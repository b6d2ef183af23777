"""Dependencies by type, from dishka: every handler is a factory of its parameters, in the widest scope they allow.

An application builds one `Injection` at its start and learns every fault of the graph at once; a bus alone takes a
container as it is.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from types import NoneType
from typing import Annotated, Any, Final, cast, get_args, get_origin

from dishka import AsyncContainer, Provider, Scope, make_async_container
from dishka.dependency_source import Factory
from dishka.entities.component import DEFAULT_COMPONENT
from dishka.entities.factory_type import FactoryType
from dishka.entities.key import DependencyKey, dependency_key_to_hint, hint_to_dependency_key
from dishka.exception_base import DishkaError
from dishka.exceptions import CycleDependenciesError, NoFactoryError
from dishka.registry import Registry

from twofold.dispatch._handler import Handler
from twofold.dispatch._invoke import Binding, Filled
from twofold.dispatch._pipeline import Next, Stage
from twofold.dispatch._signature import UNIONS
from twofold.errors import Fault, WiringError
from twofold.messages import Context
from twofold.result import Result

_AWAITED: Final = (FactoryType.ASYNC_FACTORY, FactoryType.ASYNC_GENERATOR)

_scope: ContextVar[AsyncContainer] = ContextVar("twofold_scope")


class Injection:
    """The dependencies of a set of handlers.

    Args:
        container: The application's container, or the one a bus alone was given; None when there is none.
        factories: The container's key for each handler; handlers not in here are filled one by one.
        scoped: The handlers that need a scope for every message; all of them unless given.
    """

    def __init__(
        self,
        container: AsyncContainer | None = None,
        factories: Mapping[Handler, type] | None = None,
        scoped: Iterable[Handler] | None = None,
    ) -> None:
        self.container = container
        self._factories = factories or {}
        self._scoped = None if scoped is None else frozenset(scoped)
        self._bindings: dict[Handler, Binding] = {}

    @property
    def services(self) -> AsyncContainer:
        """The container.

        Raises:
            WiringError: There is none.
        """
        if self.container is None:
            raise WiringError("this bus was given no container to get dependencies from")
        return self.container

    async def close(self) -> None:
        """Finalise what lives as long as the container."""
        if self.container is not None:
            await self.container.close()

    def binding(self, handler: Handler) -> Binding:
        """How a handler comes by its dependencies.

        Raises:
            WiringError: It has some, and there is no container.
        """
        known = self._bindings.get(handler)
        if known is None:
            known = self._bindings[handler] = self._bind(handler)
        return known

    def reaches(self, handler: Handler, wanted: object) -> bool:
        """Whether a handler depends on a type, directly or through others."""
        return any(hint == wanted for hint in self.reached(handler))

    def reached(self, handler: Handler) -> Iterator[Any]:
        """The types that a handler depends on, directly or through others; annotated where they are of a component."""
        return (_hint(key) for key, _ in self._graph(handler))

    def scope_of(self, wanted: Any) -> Scope | None:
        """How long a dependency lives, or None for one that nothing provides."""
        if self.container is not None:
            for registry in _registries(self.container):
                if registry.get_factory(_key(wanted)) is not None:
                    return cast("Scope", registry.scope)
        return None

    def scope_stage(self) -> Stage:
        """The stage that opens a scope for each message, for handlers that need one."""

        opening = None if self.container is None else _level_above_messages(self.container)

        def wrap(handler: Handler, call_next: Next) -> Next | None:
            # By hand, since `async with` would await a coroutine of dishka's that gives the scope itself.
            async def open_scope(message: Any, context: Context) -> Result[Any, Any]:
                scope = opening()  # type: ignore[misc]  # nothing is scoped without a container
                try:
                    token = _scope.set(scope)
                    try:
                        answer = await call_next(message, context)
                    finally:
                        _scope.reset(token)
                except BaseException as error:
                    await scope.__aexit__(None, error, None)
                    raise
                await scope.__aexit__(None, None, None)
                return answer

            return open_scope if self.binding(handler).scoped else None

        return Stage("scope", wrap)

    def _bind(self, handler: Handler) -> Binding:
        if not handler.needs:
            made = _maker(handler)()
            return Binding(lambda: made)
        if self.container is None:
            names = ", ".join(handler.needs)
            raise WiringError(f"{handler.id} depends on {names}, and this bus was given no container to get them from")
        container = self.container
        key: Any = self._factories.get(handler)
        scoped = self._scoped is None or handler in self._scoped
        asked: Callable[[], AsyncContainer] = _scope.get if scoped else lambda: container
        if key is None:
            make = _maker(handler)
            return Binding(lambda: _filled(make, handler.needs, asked()), scoped=scoped, waits=True)
        waits = any(_waits(factory) for _, factories in self._graph(handler) for factory in factories)
        if _takes_one(handler):
            return Binding(_asking(handler, asked, waits), scoped=scoped, waits=waits)
        return Binding(lambda: asked().get(key) if waits else asked().get_sync(key), scoped=scoped, waits=waits)

    def _graph(self, handler: Handler) -> Iterator[tuple[DependencyKey, list[Factory]]]:
        """What a handler depends on, directly or through others, each with what makes it."""
        registries = [] if self.container is None else list(_registries(self.container))
        seen: set[DependencyKey] = set()
        open_keys = [_key(hint) for hint in handler.needs.values()]
        while open_keys:
            key = open_keys.pop()
            if key in seen:
                continue
            seen.add(key)
            factories = [factory for registry in registries if (factory := registry.get_factory(key))]
            yield key, factories
            for factory in factories:
                open_keys.extend([*factory.dependencies, *factory.kw_dependencies.values()])


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
    for registry in _registries(container):
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


def giving(thing: object) -> Callable[[], object]:
    """A factory of something that is there already, under the name of its class, which is what people know it by."""

    def give() -> object:
        return thing

    give.__qualname__ = type(thing).__qualname__
    return give


def _waits(factory: Factory) -> bool:
    """Whether something is made by awaiting, or may depend on what is."""
    return factory.type in _AWAITED or bool(factory.when_dependencies)


async def _filled(make: Callable[..., Any], needs: Mapping[str, Any], container: AsyncContainer) -> Any:
    """What a handler is called with, parameter by parameter: the container has no factory of it."""
    return make(**{name: await container.get(hint) for name, hint in needs.items()})


def _takes_one(handler: Handler) -> bool:
    """Whether it is a function of the message and one dependency: to ask for that is less than for a factory of it."""
    return len(handler.needs) == 1 and not handler.is_class and not handler.logger_parameters


def _asking(handler: Handler, asked: Callable[[], AsyncContainer], waits: bool) -> Callable[[], Any]:
    """What asks for the one dependency of a handler."""
    [(name, hint)] = handler.needs.items()
    key = _key(hint)
    wanted, component = key.type_hint, key.component

    def now() -> Mapping[str, Any]:
        return {name: asked().get_sync(wanted, component)}

    async def later() -> Mapping[str, Any]:
        return {name: await asked().get(wanted, component)}

    return later if waits else now


def _maker(handler: Handler) -> Callable[..., Any]:
    """A function of a handler's dependencies: its answer is that of `Binding.bind`."""
    loggers = dict.fromkeys(handler.logger_parameters, handler.tools.logger)
    target: Any = handler.target

    def arguments(**filled: Any) -> Mapping[str, Any]:
        return {**filled, **loggers} if loggers else filled

    def instance(**filled: Any) -> Filled:
        known = arguments(**filled)
        made = target(**{name: known[name] for name in handler.made_with})
        return Filled(made, {name: known[name] for name in handler.called_with})

    return instance if handler.is_class else arguments


def _factory(handler: Handler) -> Any:
    """A function of the handler's dependencies, with the annotations that dishka reads."""
    make: Any = _maker(handler)
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
    wide = [registry for registry in _registries(container) if cast("Scope", registry.scope) <= Scope.APP]
    everywhere = all(any(registry.get_factory(_key(hint)) for registry in wide) for hint in handler.needs.values())
    return Scope.APP if everywhere else Scope.REQUEST


def _level_above_messages(container: AsyncContainer) -> AsyncContainer:
    """The container that opens scopes of messages; a level between that provides nothing is entered here, once."""
    level = container.registry.child_registry
    if level is None or not level.scope.skip or any(key.type_hint is not AsyncContainer for key in level.factories):
        return container
    return _level_above_messages(container(scope=level.scope))


def _registries(container: AsyncContainer) -> Iterable[Registry]:
    outermost = container
    while outermost.parent_container is not None:
        outermost = outermost.parent_container
    registry: Registry | None = outermost.registry
    while registry is not None:
        yield registry
        registry = registry.child_registry


def _key(hint: Any) -> DependencyKey:
    return hint_to_dependency_key(hint).with_component(DEFAULT_COMPONENT)


def _hint(key: DependencyKey) -> Any:
    return key.type_hint if key.component == DEFAULT_COMPONENT else dependency_key_to_hint(key)


def _name(key: DependencyKey) -> str:
    name = _shown(key.type_hint)
    return name if key.component == DEFAULT_COMPONENT else f"{name} of the component {key.component}"


def _shown(hint: Any) -> str:
    """A type as people write it."""
    if get_origin(hint) in UNIONS:
        return " | ".join("None" if one is NoneType else _shown(one) for one in get_args(hint))
    return str(hint) if get_origin(hint) is Annotated else getattr(hint, "__qualname__", None) or str(hint)
