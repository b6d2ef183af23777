"""Refusals: the answer is no, and asking again will not change it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from twofold.errors._category import Category
from twofold.errors._error import TwofoldError
from twofold.errors._snake_case import snake_case


class Refused(TwofoldError):
    """A business rule says no; the base of every refusal.

    Derive from it to name a rule of your own domain; the class name in snake case becomes its code.

    Example:
        >>> class OrderAlreadyPaid(Refused): ...
        >>> OrderAlreadyPaid("order 7 is already paid").code
        'order_already_paid'
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" not in cls.__dict__:
            cls.code = snake_case(cls.__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a message: where, which rule, and in words."""

    path: tuple[str | int, ...] = ()
    """The field, from the outside in: `("lines", 0, "quantity")`; empty for the message as a whole."""
    rule: str = "invalid"
    message: str

    @property
    def field(self) -> str:
        """The path as people write it: `lines.0.quantity`."""
        return ".".join(str(part) for part in self.path)

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.path else self.message


class Invalid(Refused, ValueError):
    """The message itself is wrong; carries every finding, not only the first.

    It is a `ValueError`, so raised in `__post_init__` or a pydantic validator it becomes a finding.

    Example:
        >>> Invalid("amount must be positive", field="amount").findings[0].field
        'amount'
    """

    category: ClassVar[Category] = Category.INVALID
    code: ClassVar[str] = "invalid"

    def __init__(self, text: str | None = None, *, field: str | None = None, findings: Iterable[Finding] = ()) -> None:
        super().__init__(*() if text is None else (text,))
        own = () if text is None else (Finding(path=tuple(field.split(".")) if field else (), message=text),)
        self.findings: tuple[Finding, ...] = (*own, *findings)

    @property
    def detail(self) -> str:
        return "; ".join(str(finding) for finding in self.findings) or "the message is invalid"


class Unauthenticated(Refused):
    """Nobody is logged in, and this needs somebody."""

    category: ClassVar[Category] = Category.UNAUTHENTICATED
    code: ClassVar[str] = "unauthenticated"


class Forbidden(Refused):
    """The caller is known and may not do this."""

    category: ClassVar[Category] = Category.FORBIDDEN
    code: ClassVar[str] = "forbidden"


class ForeignTenant(Forbidden):
    """What a message would write belongs to another tenant than its own."""

    code: ClassVar[str] = "foreign_tenant"


class NotFound(Refused):
    """What the message names does not exist."""

    category: ClassVar[Category] = Category.NOT_FOUND
    code: ClassVar[str] = "not_found"


class Exists(Refused):
    """What the message would create is already there."""

    category: ClassVar[Category] = Category.EXISTS
    code: ClassVar[str] = "exists"


class PreconditionFailed(Refused):
    """What a command is about is not at the version that its sender expects.

    Args:
        stream: The stream.
        actual: The version that it is at, 0 when there is none; None when the store cannot tell.
    """

    category: ClassVar[Category] = Category.PRECONDITION
    code: ClassVar[str] = "precondition_failed"

    def __init__(self, *, stream: str, actual: int | None = None) -> None:
        super().__init__()
        self.stream, self.actual = stream, actual

    @property
    def detail(self) -> str:
        if self.actual is None:
            return f"stream {self.stream!r} is not at the version that was expected"
        found = f"is at version {self.actual}" if self.actual else "is not there"
        return f"stream {self.stream!r} {found}, which was not expected"

    @property
    def hint(self) -> str:
        return "look at what is there now, and decide again"


class NoSingleVersion(Refused):
    """A command came with the version that its sender expects, and it is not about one thing that has a version.

    Args:
        streams: What it is about; nothing when that has no version.
    """

    code: ClassVar[str] = "no_single_version"

    def __init__(self, *, streams: Iterable[str] = ()) -> None:
        super().__init__()
        self.streams = tuple(streams)

    @property
    def detail(self) -> str:
        many = f"this is about {len(self.streams)} things, and nobody can tell which one is meant"
        return f"a version was expected, and {many if self.streams else 'what this is about has none'}"

    @property
    def hint(self) -> str:
        return "send it without the version that you expect"


class StreamClosed(Refused):
    """A stream is closed for good: its events have left the log, and nothing is appended to it any more.

    Args:
        stream: The stream.
    """

    category: ClassVar[Category] = Category.GONE
    code: ClassVar[str] = "stream_closed"

    def __init__(self, *, stream: str) -> None:
        super().__init__()
        self.stream = stream

    @property
    def detail(self) -> str:
        return f"stream {self.stream!r} is closed for good"


class TooLarge(Refused):
    """The input, or what is to be recorded of it, is larger than the application accepts.

    Args:
        what: What is, as the beginning of a sentence.
        limit: The bound that was passed.
        unit: What that counts.
    """

    category: ClassVar[Category] = Category.TOO_LARGE
    code: ClassVar[str] = "too_large"

    def __init__(self, what: str = "the body is", *, limit: int, unit: str = "bytes") -> None:
        super().__init__(f"{what} larger than {limit} {unit}")
        self.limit = limit


class HandlersFailed(Refused):
    """Some handlers of an event failed; the others ran. Not to be published again as it is.

    Args:
        event: The class of the event.
        errors: What each failed handler answered, by its id.
    """

    code: ClassVar[str] = "handlers_failed"

    def __init__(self, *, event: type, errors: Mapping[str, object]) -> None:
        super().__init__()
        self.event, self.errors = event, dict(errors)

    @property
    def detail(self) -> str:
        which = ", ".join(f"{name} with {type(error).__qualname__}" for name, error in self.errors.items())
        return f"of the handlers of {self.event.__qualname__} failed: {which}"
