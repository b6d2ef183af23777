"""What is provided to handlers, as dishka takes it: a type that they ask for, and what makes one."""

import inspect
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from dishka import Provider, Scope

from twofold.errors import WiringError

Lifetime: TypeAlias = Literal["app", "message"]
"""How long a dependency lives: as long as the application, or while one message is handled."""

_SCOPES: Final[dict[Lifetime, Scope]] = {"app": Scope.APP, "message": Scope.REQUEST}


def provider_of(wanted: Any, source: Any, scope: Lifetime) -> Provider:
    """A provider of one dependency.

    Args:
        wanted: The type that handlers ask for.
        source: A class, a factory function, a generator, or an instance; None for the wanted class itself.
        scope: How long one lives. An instance lives as long as the application.

    Raises:
        WiringError: There is no such scope, or the source is an annotation.
    """
    if scope not in _SCOPES:
        raise WiringError(f"scope={scope!r} is none: a dependency lives as long as the 'app', or as one 'message'")
    provider = Provider()
    source = wanted if source is None else source
    if isinstance(source, type) or inspect.isroutine(source):
        provider.provide(source, provides=wanted, scope=_SCOPES[scope])
    elif hasattr(source, "__origin__"):
        raise WiringError(f"{source} is an annotation; provide a class, a function or an instance")
    else:
        provider.provide(giving(source), provides=wanted, scope=Scope.APP)
    return provider


def giving(thing: object) -> Callable[[], object]:
    """A factory of something that is there already, under the name of its class, which is what people know it by."""

    def give() -> object:
        return thing

    give.__qualname__ = type(thing).__qualname__
    return give
