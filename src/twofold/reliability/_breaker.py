"""A circuit breaker as everybody else sees it: its settings, its states, and the two protocols to replace it by."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol, cast

from twofold.errors import Category
from twofold.reliability._categories import On, categories
from twofold.reliability._values import is_none, real, seconds, whole, wrong

_COUNTED: Final = frozenset({Category.UNAVAILABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitBreaker:
    """When a breaker opens, for how long, and how it closes again.

    It opens when either bound is reached: so many failures in a row, or a share of failures in a window of time.

    Example:
        >>> CircuitBreaker.of(3).failures
        3
    """

    failures: int | None = field(default=5, kw_only=False)
    """Opens after so many counted failures in a row; None to go by `rate` alone."""
    open_for: float = 30.0
    """How long nothing is called once it is open, in seconds."""
    probes: int = 1
    """How many calls are then let through, and have to succeed; one failure among them opens it again."""
    rate: float | None = None
    """Opens when this share of the calls in the window failed, from 0 to 1; None to go by `failures` alone."""
    window: float = 10.0
    """How far the window reaches back, in seconds."""
    minimum: int = 20
    """How many calls must have ended in the window before their share says anything."""
    on: On = field(default=_COUNTED)
    """The categories of errors that count as failures; every other answer is a success of what stands behind."""
    name: str | None = None
    """Message types whose breakers have the same name share one; None for one of each type's own."""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "failures", None if is_none(self.failures) else whole("CircuitBreaker(failures=)", self.failures))
        put(self, "open_for", seconds("CircuitBreaker(open_for=)", self.open_for))
        put(self, "probes", whole("CircuitBreaker(probes=)", self.probes))
        put(self, "rate", None if is_none(self.rate) else real("CircuitBreaker(rate=)", self.rate, most=1.0))
        put(self, "window", seconds("CircuitBreaker(window=)", self.window))
        put(self, "minimum", whole("CircuitBreaker(minimum=)", self.minimum))
        put(self, "on", categories("CircuitBreaker(on=)", self.on))
        if self.failures is None and self.rate is None:
            raise wrong("CircuitBreaker(failures=)", None, "a number, or rate= beside it: it would never open")

    @classmethod
    def of(cls, value: Any) -> "CircuitBreaker":
        """The settings that a shorthand means: a number of failures in a row, or settings as they are.

        Raises:
            WiringError: It is neither.
        """
        return value if isinstance(value, cls) else cls(failures=whole("circuit_breaker", value))

    def counts(self, category: Category) -> bool:
        """Whether an error of this category is a failure to the breaker."""
        return category in cast("frozenset[Category]", self.on)


class State(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    """Everything is called."""
    OPEN = "open"
    """Nothing is called."""
    HALF_OPEN = "half_open"
    """A few calls are let through, to see whether they succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """A breaker went from one state to another."""

    breaker: str
    before: State
    after: State


class Breaker(Protocol):
    """Keeps calls away from what keeps failing. Each call admitted is told of exactly once, by its ticket."""

    def admit(self) -> int:
        """Let a call through.

        Returns:
            A ticket, to tell the outcome by.

        Raises:
            CircuitOpen: It is not let through.
        """
        ...

    def succeeded(self, ticket: int) -> None:
        """What stands behind has answered, be it with a refusal."""
        ...

    def failed(self, ticket: int) -> None:
        """The call ended in an error that counts."""
        ...

    def left(self, ticket: int) -> None:
        """The call says nothing of what stands behind: it was cancelled, or ended in a bug."""
        ...


class Breakers(Protocol):
    """Where breakers come from; a team or a test puts its own here."""

    def of(self, message_type: type) -> Breaker:
        """The breaker of a message type."""
        ...
