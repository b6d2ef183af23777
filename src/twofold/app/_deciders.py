"""The deciders of an application: each of the commands that one takes has a handler of its own."""

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from string import Formatter
from types import NoneType
from typing import Any, get_type_hints

from twofold.aggregates import Deciding
from twofold.dispatch import (
    Decider,
    DeciderDeclaration,
    HandlerConfig,
    Module,
    Registration,
    named_classes,
    promised_answer,
    refuse_impure,
)
from twofold.errors import Fault, FaultError, WiringError, refuse_together, snake_case


def read_deciders(
    modules: Iterable[Module], near: Collection[type], faults: list[Fault]
) -> tuple[list[tuple[Module, Registration]], set[type]]:
    """A registration for each command of each decider, with the module that it is in.

    Args:
        modules: The modules.
        near: The messages in sight.
        faults: Where the faults of what is no decider are put.

    Returns:
        The registrations, and the messages that deciders with a fault are for.
    """
    found, meant = list[tuple[Module, Registration]](), set[type]()
    for module in modules:
        for declaration in module.deciders:
            try:
                found += [(module, one) for one in _registrations(declaration)]
            except FaultError as error:
                faults += error.faults
                meant |= _meant(declaration.decider.decide, near)
    return found, meant


def _meant(decide: Any, near: Collection[type]) -> set[type]:
    """The messages that a decider with a fault is for: those that it names, or may be those beside it."""
    try:
        return {*named_classes(decide, 0, "")}
    except FaultError:
        return {message for message in near if message.__module__ == decide.__module__}


def _registrations(declaration: DeciderDeclaration) -> Iterator[Registration]:
    """The handlers of a decider.

    Raises:
        FaultError: It cannot decide what it says.
    """
    decider = declaration.decider
    decide: Any = decider.decide
    where = f"{decide.__module__}.{decide.__qualname__}"
    functions = (decider.initial, decide, decider.evolve)
    refuse_together(*(partial(refuse_impure, function, where) for function in functions))
    commands = named_classes(decide, 0, where)
    refuse_together(*(partial(_refuse, decider, command, where) for command in commands))
    for command in commands:
        name = snake_case(command.__name__)
        config = HandlerConfig(id=f"{where}[{command.__qualname__}]", name=name)
        try:
            handler = Deciding(decider, config)
        except WiringError as error:
            hint = "annotate what evolve answers with a type that has a form in JSON"
            text = f"has snapshots: {error.detail}"
            raise FaultError(where=where, code="unencodable", text=text, hint=hint) from None
        yield Registration(target=handler, message_type=command, options=declaration.options)


def _refuse(decider: Decider[Any, Any, Any], command: type, where: str) -> None:
    """Refuse what would fail at the first command of a class.

    Raises:
        FaultError: Its stream cannot be told, or its answer is promised by nobody.
    """
    name = command.__qualname__
    if isinstance(decider.stream, str):
        wanted = {field for _, field, _, _ in Formatter().parse(decider.stream) if field is not None}
        if not wanted:
            text, hint = f"keeps all in one stream, {decider.stream!r}", 'stream="account-{account_id}"'
            raise FaultError(where=where, code="wrong_stream", text=text, hint=hint)
        if missing := ", ".join(sorted(wanted - get_type_hints(command).keys())):
            text = f"has the stream {decider.stream!r}, and {name} has no field {missing}"
            raise FaultError(where=where, code="wrong_stream", text=text, hint="name its fields, or give a function")
    promised = promised_answer(command)
    if decider.answer is None and promised not in (Any, None, NoneType):
        text = f"answers nothing (None), and {name} promises {getattr(promised, '__name__', promised)}"
        raise FaultError(where=where, code="broken_promise", text=text, hint="say answer=, a function of the state")
