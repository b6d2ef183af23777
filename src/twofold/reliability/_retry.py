"""Trying again: its settings, and the two protocols to replace it by.

A first failure comes first: nothing here is touched by what succeeds at once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias, cast

from twofold.errors import Category
from twofold.reliability._categories import On, categories
from twofold.reliability._values import is_none, real, seconds, whole, wrong
from twofold.result import Failure, Result

Call: TypeAlias = Callable[[], Awaitable[Result[Any, Any]]]
"""One more attempt."""

_TRIED: Final = frozenset({Category.UNAVAILABLE, Category.CONFLICT})
_STEEPEST: Final = 10.0
_MOST_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, how long and after which errors it is tried again.

    Each pause is the one before times `factor`, up to `longest`, less a random part of it (M. Brooker, "Exponential
    Backoff and Jitter"). A conflict is tried again nearly at once: who was faster is done by then.

    Example:
        >>> Retry.of(3).attempts
        3
    """

    attempts: int = field(default=3, kw_only=False)
    """How often it is tried in all, with the first time; after conflicts too, where it would be thirty times."""
    first: float = 0.1
    """The pause before the second attempt, in seconds."""
    factor: float = 2.0
    """How much longer each following pause is, up to 10 times."""
    longest: float = 5.0
    """The longest pause, in seconds."""
    jitter: float = 0.5
    """Up to which share of a pause is left out at random, from 0 to 1, so that not all come back at once."""
    total: float | None = 30.0
    """How long after the first failure another attempt may still begin, in seconds; None for any time."""
    on: On = field(default=_TRIED)
    """The categories of errors that are tried again."""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "attempts", whole("Retry(attempts=)", self.attempts))
        put(self, "first", seconds("Retry(first=)", self.first))
        put(self, "factor", real("Retry(factor=)", self.factor, least=1.0, most=_STEEPEST))
        put(self, "longest", seconds("Retry(longest=)", self.longest))
        nothing = self.jitter in (0, "0")
        put(self, "jitter", 0.0 if nothing else real("Retry(jitter=)", self.jitter, most=1.0))
        put(self, "total", None if is_none(self.total) else seconds("Retry(total=)", self.total))
        put(self, "on", categories("Retry(on=)", self.on))
        if self.attempts > _MOST_ATTEMPTS:
            raise wrong("Retry(attempts=)", self.attempts, f"at most {_MOST_ATTEMPTS}")

    @classmethod
    def of(cls, value: Any) -> "Retry":
        """The settings that a shorthand means: a number of attempts, or settings as they are.

        Raises:
            WiringError: It is neither.
        """
        return value if isinstance(value, cls) else cls(attempts=whole("retry", value))

    def mends(self, category: Category | None) -> bool:
        """Whether another try may mend an error of this category; None is a bug, and stays one."""
        return category in cast("frozenset[Category | None]", self.on)


class Retrier(Protocol):
    """Tries again what has failed once."""

    async def again(
        self, first: Failure[Any] | Exception, call: Call, *, deadline: float | None = None
    ) -> Result[Any, Any]:
        """Try again, when another try may mend it.

        Args:
            first: How the first attempt ended.
            call: Makes another one.
            deadline: The moment of the monotonic clock after which nobody waits for it.

        Returns:
            The last outcome.

        Raises:
            Exception: The last outcome, when it was one.
        """
        ...


class Retries(Protocol):
    """Where retriers come from; a team or a test puts its own here."""

    def of(self, message_type: type) -> Retrier:
        """The retrier of a message type."""
        ...
