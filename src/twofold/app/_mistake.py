"""What is wrong with a declaration, as faults that are told with all others."""

from collections.abc import Sequence

from twofold.errors import DuplicateHandlerError, Fault, FaultError, UnknownMessage, WiringError


def faults_of(where: str, error: WiringError | UnknownMessage) -> Sequence[Fault]:
    """The faults that an error is.

    Args:
        where: The handler, message or projection that was read, unless the error knows better.
        error: What it was refused with.
    """
    match error:
        case FaultError():
            return error.faults
        case DuplicateHandlerError():
            where, text = error.message_type.__qualname__, f"is handled by {error.first} and by {error.second}"
            hint = "it takes one handler; only an event takes many"
            return [Fault(where=where, code=error.code, text=text, hint=hint)]
        case UnknownMessage():
            text = f"reacts to {error.name!r}, and no event is called that"
            hint = error.hint or "import the module that defines it"
            return [Fault(where=where, code="unknown_event", text=text, hint=hint)]
        case _:
            return [Fault(where=where, code=error.code, text=error.detail, hint=error.hint)]
