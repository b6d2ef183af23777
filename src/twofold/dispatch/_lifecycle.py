"""The three states of a command, declared at its handler: the events that tell them, and how these are filled.

All of it is proven at start: an event that could not be filled once the command runs keeps the application from
starting.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, get_args, get_origin

from pydantic import BaseModel
from pydantic.errors import PydanticUserError

from twofold.dispatch._answers import annotated_answer, promised_answer
from twofold.dispatch._handler import Handler
from twofold.dispatch._signature import function_of, hints_of, name_of, parameters_of
from twofold.errors import Fault, FaultError, WiringError, refuse_all
from twofold.messages import MessageType, has_secret

State: TypeAlias = Literal["attempted", "succeeded", "failed"]
"""A state of a command that an event tells."""

Telling: TypeAlias = type | Callable[..., Any]
"""An event, or a function that makes one of the command."""

_NEWS: Final[Mapping[State, str]] = {"attempted": "", "succeeded": "result", "failed": "reason"}
"""What is known in a state beside the command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The events that tell what becomes of a command; any of them may be left out.

    An event's fields are filled by their names: from the command; when it has succeeded from its result, as `result` or
    from the result's fields; when it has failed with the `reason`, a code and a text. A function is given the command,
    and `result` or `reason` if it takes them, and says by its return annotation which event it makes.

    Args:
        attempted: Committed before the command is handled, once, however often it is tried.
        succeeded: Committed with what the command changes.
        failed: Committed after the roll-back.

    Raises:
        WiringError: It tells nothing, or something that is neither a class nor a function.

    Example:
        >>> told = Lifecycle(attempted=PasswordChangeAttempted, succeeded=PasswordChanged, failed=PasswordChangeFailed)
        >>> @accounts.handler(lifecycle=told)
        ... async def change_password(command: ChangePassword) -> Result[None]: ...
    """

    attempted: Telling | None = None
    succeeded: Telling | None = None
    failed: Telling | None = None

    def __post_init__(self) -> None:
        if not dict(self):
            raise WiringError("a Lifecycle without an event tells nothing")
        for state, telling in self:
            if not callable(telling):
                raise WiringError(
                    f"Lifecycle({state}={telling!r:.40}) is neither an event nor a function that makes one"
                )

    def __iter__(self) -> Iterator[tuple[State, Telling]]:
        """What is told, by state."""
        told: dict[State, Telling | None] = {
            "attempted": self.attempted,
            "succeeded": self.succeeded,
            "failed": self.failed,
        }
        return ((state, telling) for state, telling in told.items() if telling is not None)

    def events(self) -> list[type]:
        """The events that it tells of; a function that does not say which one it makes is left to `Filling.of`."""
        found = (_event_of(telling) for _, telling in self)
        return [event for event in found if event is not None]


class Filling(NamedTuple):
    """How the event of a state is made.

    Args:
        event: Its class.
        make: Makes it, of the command and of the result or the reason.
    """

    event: type
    make: Callable[[Any, Any], Any]

    @classmethod
    def of(cls, state: State, telling: Telling, handler: Handler) -> "Filling":
        """Find out how an event is made.

        Args:
            state: The state that it tells.
            telling: The event, or the function that makes it.
            handler: The handler of the command.

        Raises:
            FaultError: It cannot be made: a field has no source, or a function wants what there is not.
        """
        event = _event_of(telling)
        if event is None:
            where = name_of(telling)
            text, hint = "makes an event, and does not say which one", "annotate what it returns with the event's class"
            raise FaultError(where=where, code="wrong_lifecycle", text=text, hint=hint)
        if event is telling:
            return cls(event=event, make=_by_name(state, event, handler))
        return cls(event=event, make=_by_function(state, telling, handler))


def filling(handler: Handler, state: State) -> Filling | None:
    """How a handler's event of a state is made; None where it tells nothing."""
    lifecycle: Lifecycle | None = handler.options.get("lifecycle")
    telling = None if lifecycle is None else dict(lifecycle).get(state)
    return None if telling is None else Filling.of(state, telling, handler)


def _event_of(telling: Telling) -> type | None:
    if isinstance(telling, type):
        return telling
    found = hints_of(function_of(telling), name_of(telling)).get("return")
    return found if isinstance(found, type) else None


def _by_function(state: State, function: Callable[..., Any], handler: Handler) -> Callable[[Any, Any], Any]:
    where, news = name_of(function), _NEWS[state]
    if inspect.iscoroutinefunction(function_of(function)):
        text = f"is async def, and makes the event of Lifecycle({state}=)"
        raise FaultError(where=where, code="async_mistake", text=text, hint="make it a def: it only makes an event")
    needed = [one.name for one in parameters_of(function_of(function), unbound=False)]
    others = needed[1:]
    if not needed or any(name != news for name in others):
        takes = f"the command and {news!r}" if news else "the command"
        text = f"makes the event of Lifecycle({state}=), and takes {', '.join(needed) or 'nothing'}"
        raise FaultError(where=where, code="wrong_lifecycle", text=text, hint=f"it may take {takes}")
    if others:
        return lambda command, told: function(command, **{news: told})
    return lambda command, _: function(command)


def _by_name(state: State, event: type, handler: Handler) -> Callable[[Any, Any], Any]:
    news = _NEWS[state]
    command = _fields(handler.message_type)
    answer = annotated_answer(handler)
    if answer is Any:
        answer = promised_answer(handler.message_type)
    result = _fields(answer) if state == "succeeded" else {}
    from_command: list[str] = []
    from_result: list[str] = []
    told: str | None = None
    wrong: list[Fault] = []
    for name, (hint, needed) in _fields(event).items():
        if news and name == news:
            told = name
            source, given = "the result" if news == "result" else "the reason", answer if news == "result" else str
        elif name in command:
            from_command.append(name)
            source, given = "the command", command[name][0]
        elif name in result:
            from_result.append(name)
            source, given = "the result", result[name][0]
        elif needed:
            wrong.append(_unfilled(state, event, name, handler))
            continue
        else:
            continue
        if _contradicts(given, hint):
            wrong.append(_unfit(event, name, hint, source, given, handler))
    if secrets := _secrets(handler.message_type, from_command):
        text = f"would store in the clear what the command marks as a secret: {', '.join(secrets)}"
        hint = "leave secrets out of events"
        wrong.append(Fault(where=name_of(event), code="secret_in_event", text=text, hint=hint))
    refuse_all(wrong)

    def make(command: Any, news: Any) -> Any:
        values = {name: getattr(command, name) for name in from_command}
        values |= {name: getattr(news, name) for name in from_result}
        return event(**values, **({} if told is None else {told: news}))

    return make


def _secrets(command: type, fields: list[str]) -> list[str]:
    """Those fields of a command that are secrets, or hold one."""
    try:
        schema = MessageType[Any](command).adapter.json_schema(by_alias=False)
    except (PydanticUserError, WiringError):
        return []  # a message without a schema is a fault of its own
    return [name for name in fields if has_secret(schema, name)]


def _fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    """What a dataclass or model is made with: name to type, and whether it cannot do without."""
    cls = get_origin(cls) or cls
    if inspect.isclass(cls) and issubclass(cls, BaseModel):
        return {name: (one.annotation, one.is_required()) for name, one in cls.model_fields.items()}
    if not inspect.isclass(cls) or not is_dataclass(cls):
        return {}
    hints = hints_of(cls, cls.__qualname__)
    return {
        one.name: (hints[one.name], one.default is MISSING and one.default_factory is MISSING)
        for one in fields(cls)
        if one.init
    }


def _contradicts(given: Any, wanted: Any) -> bool:
    """Whether one is certainly not the other: only plain classes are compared."""
    given, wanted = _plain(given), _plain(wanted)
    if given is None or wanted is None or (given is int and wanted is float):
        return False
    return not issubclass(given, wanted) and not issubclass(wanted, given)


def _plain(hint: Any) -> type | None:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return hint if isinstance(hint, type) and hint is not Any and not get_args(hint) else None


def _unfilled(state: State, event: type, name: str, handler: Handler) -> Fault:
    news = _NEWS[state]
    known = f"the command has no {name}" + (
        f", nor has what it answers; {news!r} is the other name that is filled" if news == "result" else ""
    )
    if news == "reason":
        known += f"; {news!r} is the other name that is filled"
    return Fault(
        where=handler.id,
        code="unfilled_event",
        text=f"says lifecycle=, and nothing fills {event.__qualname__}.{name}: {known}",
        hint=f"give the field a default, or say Lifecycle({state}=) with a function that makes the event",
    )


def _unfit(event: type, name: str, wanted: Any, source: str, given: Any, handler: Handler) -> Fault:
    wanted, given = (getattr(_plain(one), "__qualname__", str(one)) for one in (wanted, given))
    return Fault(
        where=handler.id,
        code="unfilled_event",
        text=f"says lifecycle=, and fills {event.__qualname__}.{name}, {wanted}, from {source}, where it is {given}",
        hint="change one of the two, or make the event with a function",
    )
