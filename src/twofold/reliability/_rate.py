"""How often a message may be sent, and by whom it is counted."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias, cast

from twofold.reliability._values import is_none, wrong

_RATE: Final = re.compile(r"\s*(\d+)\s*(?:/|\s+per\s)\s*(\d+)?\s*(second|minute|hour|day)s?\s*", re.IGNORECASE)
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_STORES: Final = ("redis://", "rediss://", "unix://")
MEMORY: Final = "memory:"
STORE_OF_LIMITS: Final = "the store of rate limits"
"""What the breaker in front of a store is called."""


class Sender(Protocol):
    """Who sends a message, as far as a limit is interested; a message's context is one."""

    @property
    def user_id(self) -> str | None:
        """The user."""
        ...

    @property
    def tenant(self) -> str | None:
        """The tenant the user acts for."""
        ...


Per: TypeAlias = Literal["user", "tenant"] | Callable[[Any, Any], str] | None
"""What has a limit of its own: each user of each tenant, each tenant, what a function of message and sender says."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in any span of so many seconds."""

    amount: int
    seconds: int

    @classmethod
    def of(cls, value: Any) -> "Rate":
        """Read a rate, as in `10/second`, `100 per minute` or `1000/6 hours`.

        Raises:
            WiringError: It is none, or allows nothing.
        """
        if isinstance(value, cls):
            return value
        found = _RATE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise _mistake(value)
        amount, several, unit = found.groups()
        rate = cls(int(amount), int(several or 1) * _SECONDS[unit.lower()])
        if not rate.amount or not rate.seconds:
            raise _mistake(value)
        return rate

    def __str__(self) -> str:
        unit = next(unit for unit in reversed(_SECONDS) if self.seconds % _SECONDS[unit] == 0)
        several = self.seconds // _SECONDS[unit]
        return f"{self.amount}/{unit}" if several == 1 else f"{self.amount}/{several} {unit}s"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit, for whom it is counted, and where.

    Example:
        >>> RateLimit.of("100/minute").rate
        Rate(amount=100, seconds=60)
    """

    rate: Rate | str
    """How many in any span of time (a moving window), as in `100/minute`."""
    per: Per = field(default=None, kw_only=True)
    """What has a limit of its own; None for one limit for all. Whoever is not logged in shares one."""
    store: str = field(default=MEMORY, kw_only=True, repr=False)
    """Where it is counted: `memory:` of each process, or the `redis://` that several of them share."""
    absent: Literal["admit", "refuse"] = field(default="admit", kw_only=True)
    """What is done while the store is not there. A limit that guards against guessing says `refuse`."""
    name: str | None = field(default=None, kw_only=True)
    """Message types whose limits have the same name share one; None for one of each type's own."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", Rate.of(self.rate))
        object.__setattr__(self, "per", None if is_none(self.per) else self.per)
        if not (self.per in ("user", "tenant", None) or callable(self.per)):
            raise wrong("RateLimit(per=)", self.per, "user, tenant, a function of message and sender, or None")
        if self.absent not in ("admit", "refuse"):
            raise wrong("RateLimit(absent=)", self.absent, "admit or refuse")
        if self.store != MEMORY and not self.store.startswith(_STORES):
            scheme = self.store.partition("//")[0]  # what follows may hold a password
            raise wrong("RateLimit(store=)", scheme, f"{MEMORY} or an address that begins with {', '.join(_STORES)}")

    @classmethod
    def of(cls, value: Any) -> "RateLimit":
        """The settings that a shorthand means: a rate, or settings as they are.

        Raises:
            WiringError: It is neither.
        """
        return value if isinstance(value, cls) else cls(Rate.of(value))

    @property
    def is_shared(self) -> bool:
        """Whether it is counted in a store, where what it is counted under can be read."""
        return self.store != MEMORY

    def key(self, message: object, sender: Sender) -> str:
        """What a message is counted under; no two senders that `per` tells apart have the same."""
        if self.per is None:
            return ""
        if self.per == "tenant":
            return _part(sender.tenant)
        if self.per == "user":
            return _part(sender.tenant) + _part(sender.user_id)
        return cast("Callable[[object, Sender], str]", self.per)(message, sender)


def _part(text: str | None) -> str:
    # With its length before it: no user of one tenant reads like another user of another one.
    return "-" if text is None else f"{len(text)}:{text}"


def _mistake(value: object) -> Exception:
    return wrong("rate_limit", value, "a text like 10/second, 100/minute or 1000/6 hours")
