"""Faults in what handlers answer: a handler that says it answers an int cannot keep its message's promise of an id."""

from collections.abc import Iterable
from types import NoneType

from twofold.dispatch import Handler, annotated_answer, contradicts, promised_answer
from twofold.errors import Fault


def answer_faults(handlers: Iterable[Handler]) -> list[Fault]:
    """Handlers whose annotated answer is not what their message promises.

    Args:
        handlers: The handlers.
    """
    faults: list[Fault] = []
    for handler in handlers:
        if contradicts(handler):
            answer, promise = annotated_answer(handler), promised_answer(handler.message_type)
            text = f"answers {_name(answer)}, and {handler.message_type.__qualname__} promises {_name(promise)}"
            faults.append(Fault(where=handler.id, code="broken_promise", text=text, hint="make one of them the other"))
    return faults


def _name(answer: type) -> str:
    return "nothing (None)" if answer is NoneType else answer.__name__
