"""What is wrong with a declaration, as a fault that is told with all others."""

from twofold.errors import DuplicateHandlerError, Fault, FaultError, UnknownMessage, WiringError


def fault_of(where: str, error: WiringError | UnknownMessage) -> Fault:
    """The fault that an error is.

    Args:
        where: The handler, message or projection that was read, unless the error knows better.
        error: What it was refused with.
    """
    match error:
        case FaultError():
            return error.fault
        case DuplicateHandlerError():
            where, text = error.message_type.__qualname__, f"is handled by {error.first} and by {error.second}"
            return Fault(where=where, code=error.code, text=text, hint="it takes one handler; only an event takes many")
        case UnknownMessage():
            text = f"reacts to {error.name!r}, and no event is called that"
            return Fault(
                where=where, code="unknown_event", text=text, hint=error.hint or "import the module that defines it"
            )
        case _:
            return Fault(where=where, code=error.code, text=error.detail, hint=error.hint)
