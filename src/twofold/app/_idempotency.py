"""What holds for the keys of an application's commands, and faults in what is said of them."""

from collections.abc import Iterable
from typing import Any

from twofold.dispatch import AnswerCodec, Handler, Idempotency, answered_type
from twofold.errors import Fault, WiringError
from twofold.messages import Kind


def idempotency_of(
    handlers: Iterable[Handler], usual: Idempotency | None, faults: list[Fault]
) -> dict[Handler, Idempotency]:
    """What is said of each handler's commands; nothing where keys mean nothing.

    Args:
        handlers: The handlers.
        usual: What the application says.
        faults: Where mistakes are noted.
    """
    found: dict[Handler, Idempotency] = {}
    for handler in handlers:
        said = handler.options.get("idempotency", usual)
        if handler.kind is not Kind.COMMAND or said is None:
            continue
        try:
            found[handler] = settings = Idempotency.of(said, usual or Idempotency())
        except WiringError as error:
            faults.append(Fault(where=handler.id, code="idempotency", text=f"cannot be: {error.detail}"))
            continue
        if settings.key is not None or settings.required:
            faults += _faults(handler, settings)
    return found


def _faults(handler: Handler, settings: Idempotency) -> Iterable[Fault]:
    known = _fields(handler.message_type)
    for name in settings.fields:
        if name not in known:
            text = f"has a key of the field {name!r}, which {handler.message_type.__qualname__} has not"
            yield Fault(where=handler.id, code="idempotency", text=text, hint=f"it has {', '.join(known)}")
    try:
        AnswerCodec(answered_type(handler))
    except WiringError:
        text = "has a key, and answers what cannot be kept"
        yield Fault(where=handler.id, code="idempotency", text=text, hint="use types that have a form in JSON")


def _fields(message_type: type) -> list[str]:
    known: Any = getattr(message_type, "__dataclass_fields__", None) or getattr(message_type, "model_fields", {})
    names: list[str] = [*known]
    return names
