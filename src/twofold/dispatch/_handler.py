"""A handler as registered: what it handles, what it needs, how it is called. Read off its signature once, at start.

Functions, classes, instances and bound methods all become the same record; what is wrong with one is a `WiringError`
that names it.
"""

import inspect
import logging
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeAlias, get_origin

from twofold.dispatch._following import FROM_THE_BEGINNING, Following
from twofold.dispatch._handlers import CommandHandler, EventHandler, HandlerConfig, QueryHandler, is_unwritten
from twofold.dispatch._signature import (
    context_parameter_of,
    function_of,
    hints_of,
    lacks_self,
    messages_in,
    name_of,
    parameters_of,
    refuse_mistakes,
    short_name_of,
    takes,
    wanted_of,
)
from twofold.dispatch._tools import Tools
from twofold.errors import Fault, FaultError, refuse_together
from twofold.messages import Context, Kind, MessageType


class Handles(Protocol):
    """An object that handles messages."""

    @property
    def handle(self) -> Callable[..., Any]:
        """Takes the message."""
        ...


Target: TypeAlias = Callable[..., Any] | Handles
"""A function, a class with `handle`, or an instance of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How the web offers a handler; read by the web room only.

    Args:
        path: The path, with `{fields}` of the message; by convention from the wire name unless given.
        method: The HTTP method; POST for commands and GET for queries unless given.
        status: The status of a Success; 200 unless given.
        hidden: Whether the web does not offer it at all.
        version: The field of a query's answer that is the version of what it shows.
        live: Whether the answer of a query can be followed.
    """

    path: str | None = None
    method: str | None = None
    status: int | None = None
    hidden: bool = False
    version: str | None = None
    live: bool = False


NO_DOOR = Door()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Handler:
    """One registered handler; two registrations of one function are two handlers.

    Args:
        id: Unique in its application: `module.qualified_name`.
        name: For people: the function's or class's name.
        kind: The kind of message it handles.
        message_type: The class of the message it handles.
        target: What was registered.
        is_class: Whether the target is a class, made anew by the container.
        method: The method of a class or instance that takes the message.
        needs: Its dependencies: parameter name to type.
        made_with: The names of those that the constructor of a class takes.
        called_with: The names of those that go beside the message.
        context_parameter: The parameter that takes the `Context`, when there is one.
        logger_parameters: The parameters that take the handler's own logger.
        is_async: Whether calling it gives a coroutine.
        blocking: Whether a `def` runs in a thread.
        answers: The annotation of what it returns.
        module: The name of the module it was mounted by.
        door: How the web offers it.
        following: How a reaction follows what is committed.
        reads: The projections and views whose rows it reads, for a query; None for any of them.
        options: What was said of its pipeline.
        tools: The logger, numbers and context stack that it has at hand.
    """

    id: str
    name: str
    kind: Kind
    message_type: type
    target: Any
    is_class: bool = False
    method: str = "handle"
    needs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    made_with: tuple[str, ...] = ()
    called_with: tuple[str, ...] = ()
    context_parameter: str | None = None
    logger_parameters: tuple[str, ...] = ()
    is_async: bool = True
    blocking: bool = False
    answers: Any = Any
    module: str = ""
    door: Door = NO_DOOR
    following: Following = FROM_THE_BEGINNING
    reads: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tools: Tools = field(repr=False)

    @classmethod
    def of(
        cls,
        target: Target,
        *,
        message_type: type | None = None,
        kind: Kind | None = None,
        method: str = "handle",
        blocking: bool = False,
        door: Door | None = None,
        module: str = "",
        reads: tuple[str, ...] | None = None,
        options: Mapping[str, Any] | None = None,
        untyped: list[Fault] | None = None,
    ) -> "Handler":
        """Read a handler off what a user registers.

        Args:
            target: A function, a class with `handle`, an instance of one, or a bound method.
            message_type: The message it handles; read off the signature unless given.
            kind: The message's kind, for a class that does not inherit one.
            method: The method of a class or instance that takes the message.
            blocking: Whether a `def` may block, and so runs in a thread.
            door: How the web offers it.
            module: The name of the module it belongs to.
            reads: The projections and views whose rows it reads.
            options: What is said of its pipeline.
            untyped: Where the faults are put of parameters without annotation, so that all else of it can be looked at;
                raised unless given.

        Raises:
            WiringError: The signature does not say what is needed.
        """
        is_class = inspect.isclass(target)
        function = _called(target, method)
        where = name_of(target, method)
        hints = hints_of(function, where)
        parameters = parameters_of(function, unbound=is_class and lacks_self(target, method))
        if not parameters:
            text = "takes no message"
            raise FaultError(where=where, code="no_message", text=text, hint="its first parameter is the message")
        first, *others = parameters
        declared = _declared_message(target)
        message_type = message_type or declared or _message_hint(hints.get(first.name), where)
        config = _config(target)
        kind = kind or (config and config.kind) or _base_kind(target) or MessageType.kind_of(message_type)
        if kind is None:
            raise FaultError(
                where=where,
                code="unknown_kind",
                text=f"handles {message_type.__qualname__}, and nothing says what kind of message that is",
                hint="derive it from Command, Query or Event, or register its handler with the kind",
            )
        # What adapts a handler bears the annotations of that.
        hint = None if hasattr(function, "__wrapped__") else hints.get(first.name)
        refuse_together(
            partial(_refuse_kind, message_type, kind, where),
            partial(_refuse_other, message_type, declared, where),
            partial(_refuse_other, message_type, hint, where),
            partial(refuse_mistakes, function, where, blocking=blocking),
            partial(wanted_of, others, hints, where, untyped),
            *([partial(_constructor_needs, target, where, untyped)] if is_class else ()),
        )
        is_async = inspect.iscoroutinefunction(function)
        # What is untyped was told above.
        called_with = {key: hint for key, hint in wanted_of(others, hints, where, []).items() if hint is not Context}
        made_with = _constructor_needs(target, where, []) if is_class else {}
        wanted = called_with | made_with
        for key, hint in called_with.items():
            if wanted[key] != hint:
                text = f"and its constructor ask for two different dependencies by the name {key!r}"
                raise FaultError(where=where, code="same_parameter", text=text, hint="rename one of them")
        name = (config and config.name) or (short_name_of(target) if method == "handle" else method)
        return cls(
            id=(config and config.id) or where,
            name=name,
            kind=kind,
            message_type=message_type,
            target=target,
            is_class=is_class,
            method=method,
            needs={key: hint for key, hint in wanted.items() if hint is not logging.Logger},
            made_with=tuple(made_with),
            called_with=tuple(called_with),
            context_parameter=context_parameter_of(others, hints),
            logger_parameters=tuple(key for key, hint in wanted.items() if hint is logging.Logger),
            is_async=is_async,
            blocking=blocking,
            answers=hints.get("return", Any),
            module=module,
            door=door or NO_DOOR,
            reads=reads,
            options=options or {},
            tools=Tools(name),
        )


def _called(target: Any, method: str) -> Callable[..., Any]:
    """The function that a message is finally given to."""
    handle: Callable[..., Any] | None = getattr(target, method, None)
    if handle is not None and not is_unwritten(handle):
        return handle
    if handle is not None or isinstance(target, type) or not callable(target):
        where = name_of(_class_of(target))
        raise FaultError(where=where, code="no_handle", text=f"has no method {method}", hint="it takes the message")
    return function_of(target)


def _refuse_kind(message_type: type, kind: Kind, where: str) -> None:
    """Refuse a message of one kind where another is asked for: a reaction to a command, say.

    Raises:
        FaultError: The message inherits another kind.
    """
    inherited = MessageType.kind_of(message_type)
    if inherited not in (None, kind):
        name = message_type.__qualname__
        if kind is Kind.EVENT:
            text, hint = f"reacts to {name}, which is a {inherited}", "react to an event that its handler records"
        else:
            text, hint = f"handles {name} as a {kind}, and it is a {inherited}", f"register it as a {inherited}"
        raise FaultError(where=where, code="wrong_kind", text=text, hint=hint)


def _refuse_other(message_type: type, hint: Any, where: str) -> None:
    """Refuse a handler of one message where another one would be given to it.

    Raises:
        FaultError: It is annotated with other messages, and with none that takes this one.
    """
    others = "" if takes(hint, message_type) else messages_in(hint)
    if others and message_type is not object:  # which stands for events that are listened to by name
        text = f"handles {others}, and is registered for {message_type.__qualname__}"
        hint = f"register it for {others}, or annotate it with a base class of both"
        raise FaultError(where=where, code="wrong_message", text=text, hint=hint)


def _config(target: Target) -> HandlerConfig | None:
    config = getattr(target, "config", None)
    return config if isinstance(config, HandlerConfig) else None


def _message_hint(hint: Any, where: str) -> type:
    origin = get_origin(hint) or hint
    if not isinstance(origin, type):
        text = "has a first parameter without an annotation that is a message class"
        raise FaultError(where=where, code="no_message", text=text, hint="annotate it with the message")
    return origin


def _declared_message(target: Target) -> type | None:
    """The message of `class X(CommandHandler[PlaceOrder, UUID])`."""
    for ancestor in _class_of(target).__mro__:
        for base in getattr(ancestor, "__orig_bases__", ()):
            if get_origin(base) in (CommandHandler, QueryHandler, EventHandler):
                message = typing.get_args(base)[0]
                return message if isinstance(message, type) else None
    return None


def _class_of(target: Target) -> type[Any]:
    return target if isinstance(target, type) else type(target)


def _base_kind(target: Target) -> Kind | None:
    kinds: dict[type, Kind] = {
        CommandHandler: Kind.COMMAND,
        QueryHandler: Kind.QUERY,
        EventHandler: Kind.EVENT,
    }
    return next((kind for base, kind in kinds.items() if issubclass(_class_of(target), base)), None)


def _constructor_needs(cls: Any, where: str, untyped: list[Fault] | None) -> dict[str, Any]:
    constructor: Any = cls.__init__
    if not inspect.isfunction(constructor):
        return {}
    return wanted_of(parameters_of(constructor, unbound=True), hints_of(constructor, where), where, untyped)
