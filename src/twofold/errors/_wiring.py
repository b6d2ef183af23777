"""Mistakes in how an application is put together: raised, never returned, and mended in code."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from twofold.errors._category import Category
from twofold.errors._error import TwofoldError


class WiringError(TwofoldError, ValueError):
    """The application is put together wrongly; the base of wiring mistakes."""

    category: ClassVar[Category] = Category.WIRING
    code: ClassVar[str] = "wiring"


class FaultError(WiringError):
    """One declaration is wrong, and it is known which: a handler or projection that cannot be understood.

    Args:
        where: The handler, message or projection.
        code: A stable name for what is wrong.
        text: What is wrong, as a predicate of `where`.
        hint: How to mend it.
        others: What is wrong with it beside that.
    """

    code: ClassVar[str] = "fault"

    def __init__(self, *, where: str, code: str, text: str, hint: str = "", others: "Iterable[Fault]" = ()) -> None:
        super().__init__()
        self.fault = Fault(where=where, code=code, text=text, hint=hint)
        self.faults = (self.fault, *others)

    @property
    def detail(self) -> str:
        return "; ".join(f"{one.where} {one.text}" for one in self.faults)

    @property
    def hint(self) -> str:
        return self.fault.hint


def refuse_together(*looks: Callable[[], object]) -> None:
    """Look at a declaration in several ways, none of which needs another one to find nothing.

    Args:
        looks: Each raises a `FaultError` for what it finds.

    Raises:
        FaultError: Something was found; with all of it.
    """
    found: list[Fault] = []
    for look in looks:
        try:
            look()
        except FaultError as error:
            found += error.faults
    refuse_all(found)


def refuse_all(faults: "Iterable[Fault]") -> None:
    """Refuse a declaration for all that is wrong with it; nothing where nothing is.

    Args:
        faults: What is wrong.

    Raises:
        FaultError: Something is; with all of it, each once.
    """
    found = list(dict.fromkeys(faults))
    if found:
        first, *others = found
        raise FaultError(where=first.where, code=first.code, text=first.text, hint=first.hint, others=others)


class HandlerNotFoundError(WiringError):
    """No handler is registered for a message.

    Args:
        message_type: The class of the message that was sent.
        near: Names of registered messages that look like it, best first.
    """

    code: ClassVar[str] = "handler_not_found"

    def __init__(self, message_type: type, *, near: Sequence[str] = ()) -> None:
        super().__init__()
        self.message_type, self.near = message_type, tuple(near)

    @property
    def detail(self) -> str:
        return f"no handler is registered for {self.message_type.__qualname__}"

    @property
    def hint(self) -> str:
        if issubclass(self.message_type, type):
            return "send an instance of the message, not its class"
        return f"did you mean {', '.join(self.near)}?" if self.near else "register one, or mount its module"


class DuplicateHandlerError(WiringError):
    """A command or query has a handler already.

    Args:
        message_type: The class of the message.
        first: The name of the handler that is registered.
        second: The name of the one that was refused.
    """

    code: ClassVar[str] = "duplicate_handler"

    def __init__(self, message_type: type, *, first: str, second: str) -> None:
        super().__init__()
        self.message_type, self.first, self.second = message_type, first, second

    @property
    def detail(self) -> str:
        return f"{self.message_type.__qualname__} is handled by {self.first}; {self.second} is one too many"


class MissingExtraError(WiringError, ImportError):
    """A room was opened whose third-party packages are not installed; for those who try it, an `ImportError` as well.

    Args:
        room: The room that was asked for.
        extra: The extra that brings what it needs.
        package: The first package that is missing.
    """

    code: ClassVar[str] = "missing_extra"

    def __init__(self, *, room: str, extra: str, package: str) -> None:
        super().__init__()
        self.room, self.extra, self.package = room, extra, package

    @property
    def detail(self) -> str:
        return f"{self.room} needs the package {self.package!r}"

    @property
    def hint(self) -> str:
        return f'pip install "twofold[{self.extra}]"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One reason why an application may not start."""

    where: str
    """The handler, message, projection or setting it was found at."""
    code: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" + (f" ({self.hint})" if self.hint else "")


class StartError(WiringError):
    """The application refuses to start; carries every fault, not only the first.

    Args:
        app: The name of the application.
        faults: What was found, at least one.
    """

    code: ClassVar[str] = "start_refused"

    def __init__(self, *, app: str, faults: Sequence[Fault]) -> None:
        super().__init__()
        self.app, self.faults = app, tuple(faults)

    @property
    def detail(self) -> str:
        count = f"{len(self.faults)} fault" + ("s" if len(self.faults) != 1 else "")
        return "\n".join([f"{self.app} cannot start: {count}", *(f"  - {fault}" for fault in self.faults)])
