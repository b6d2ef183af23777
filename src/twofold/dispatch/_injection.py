"""Dependencies by type, from dishka: what a handler is given, and how it comes by that for each message.

An application has its container built by `inject`; a bus alone takes one as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final, cast

from dishka import AsyncContainer, Scope
from dishka.dependency_source import Factory
from dishka.entities.component import DEFAULT_COMPONENT
from dishka.entities.factory_type import FactoryType
from dishka.entities.key import DependencyKey, dependency_key_to_hint, hint_to_dependency_key
from dishka.registry import Registry

from twofold.dispatch._handler import Handler
from twofold.dispatch._invoke import Binding, Filled
from twofold.dispatch._pipeline import Next, Stage
from twofold.errors import WiringError
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
            for registry in registries_of(self.container):
                if registry.get_factory(key_of(wanted)) is not None:
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
            made = maker_of(handler)()
            return Binding(lambda: made)
        if self.container is None:
            names = ", ".join(handler.needs)
            raise WiringError(f"{handler.id} depends on {names}, and this bus was given no container to get them from")
        container = self.container
        key: Any = self._factories.get(handler)
        scoped = self._scoped is None or handler in self._scoped
        asked: Callable[[], AsyncContainer] = _scope.get if scoped else lambda: container
        if key is None:
            make = maker_of(handler)
            return Binding(lambda: _filled(make, handler.needs, asked()), scoped=scoped, waits=True)
        factories = [factory for _, factories in self._graph(handler) for factory in factories]
        waits = any(map(_waits, factories))
        if not _takes_one(handler):
            return Binding(lambda: asked().get(key) if waits else asked().get_sync(key), scoped=scoped, waits=waits)
        if scoped and len(factories) == 1 and _is_there(factories[0]):
            return Binding(_looking_up(handler, factories[0]), asks_anew=True)
        return Binding(_asking(handler, asked, waits), scoped=scoped, waits=waits)

    def _graph(self, handler: Handler) -> Iterator[tuple[DependencyKey, list[Factory]]]:
        """What a handler depends on, directly or through others, each with what makes it."""
        registries = [] if self.container is None else list(registries_of(self.container))
        seen: set[DependencyKey] = set()
        open_keys = [key_of(hint) for hint in handler.needs.values()]
        while open_keys:
            key = open_keys.pop()
            if key in seen:
                continue
            seen.add(key)
            factories = [factory for registry in registries if (factory := registry.get_factory(key))]
            yield key, factories
            for factory in factories:
                open_keys.extend([*factory.dependencies, *factory.kw_dependencies.values()])


def _waits(factory: Factory) -> bool:
    """Whether something is made by awaiting, or may depend on what is."""
    return factory.type in _AWAITED or bool(factory.when_dependencies)


async def _filled(make: Callable[..., Any], needs: Mapping[str, Any], container: AsyncContainer) -> Any:
    """What a handler is called with, parameter by parameter: the container has no factory of it."""
    return make(**{name: await container.get(hint) for name, hint in needs.items()})


def _takes_one(handler: Handler) -> bool:
    """Whether it is a function of the message and one dependency: to ask for that is less than for a factory of it."""
    return len(handler.needs) == 1 and not handler.is_class and not handler.logger_parameters


def _is_there(factory: Factory) -> bool:
    """Whether a call that takes nothing gives what is there anyway: nobody has to keep it, or to close it."""
    takes = factory.dependencies or factory.kw_dependencies
    return factory.type is FactoryType.FACTORY and not factory.cache and not takes


def _looking_up(handler: Handler, factory: Factory) -> Callable[[], Any]:
    """What gives the one dependency of a handler without a scope."""
    [name], find = handler.needs, factory.source
    return lambda: {name: find()}


def _asking(handler: Handler, asked: Callable[[], AsyncContainer], waits: bool) -> Callable[[], Any]:
    """What asks for the one dependency of a handler."""
    [(name, hint)] = handler.needs.items()
    key = key_of(hint)
    wanted, component = key.type_hint, key.component

    def now() -> Mapping[str, Any]:
        return {name: asked().get_sync(wanted, component)}

    async def later() -> Mapping[str, Any]:
        return {name: await asked().get(wanted, component)}

    return later if waits else now


def maker_of(handler: Handler) -> Callable[..., Any]:
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


def _level_above_messages(container: AsyncContainer) -> AsyncContainer:
    """The container that opens scopes of messages; a level between that provides nothing is entered here, once."""
    level = container.registry.child_registry
    if level is None or not level.scope.skip or any(key.type_hint is not AsyncContainer for key in level.factories):
        return container
    return _level_above_messages(container(scope=level.scope))


def registries_of(container: AsyncContainer) -> Iterator[Registry]:
    """What a container knows, scope by scope, the widest first."""
    outermost = container
    while outermost.parent_container is not None:
        outermost = outermost.parent_container
    registry: Registry | None = outermost.registry
    while registry is not None:
        yield registry
        registry = registry.child_registry


def key_of(hint: Any) -> DependencyKey:
    """What the container calls a dependency."""
    return hint_to_dependency_key(hint).with_component(DEFAULT_COMPONENT)


def _hint(key: DependencyKey) -> Any:
    return key.type_hint if key.component == DEFAULT_COMPONENT else dependency_key_to_hint(key)
