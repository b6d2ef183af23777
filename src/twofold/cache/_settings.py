"""What may be said of the answers of a query: how long they are kept, for whom, and what ends it sooner."""

import math
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias, cast

from twofold.errors import WiringError

Scope: TypeAlias = Literal["principal", "tenant", "all"]
"""Who is given the same answer: one user in one tenant with the same roles, everybody in a tenant, or everybody."""

MEMORY: Final = "memory:"
_STORES: Final = ("redis://", "rediss://", "unix://")
_SCOPES: Final = ("principal", "tenant", "all")
_TIME: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Cache:
    """How long the answers of a query are kept, and for whom.

    Raises:
        WiringError: That is no time, or there is no such scope or store.

    Example:
        >>> Cache.of("1m").seconds
        60.0
    """

    ttl: float | str | timedelta
    """How long an answer is kept: seconds, or a text like `30s`, `1m` or `2h`."""
    tags: tuple[str, ...] = field(default=(), kw_only=True)
    """Names under which answers can be dropped by hand; see `Caches.drop`."""
    invalidated_by: tuple[type, ...] = field(default=(), kw_only=True)
    """Events after which no answer from before is given any more."""
    scope: Scope = field(default="principal", kw_only=True)
    """Who is given the same answer. Wider than `principal` only where the handler itself shows everybody the same."""
    store: str = field(default=MEMORY, kw_only=True, repr=False)
    """Where they are kept: `memory:` of each process, or the `redis://` that several of them share."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ttl", _seconds(self.ttl))
        for name in ("tags", "invalidated_by"):
            value: Any = getattr(self, name)
            if isinstance(value, str | type):
                raise WiringError(f"Cache({name}=) is {value!r}, and has to be a tuple")
            object.__setattr__(self, name, tuple(value))
        if self.scope not in _SCOPES:
            raise WiringError(f"Cache(scope=) is {self.scope!r}, and has to be {', '.join(_SCOPES)}")
        if self.store != MEMORY and not self.store.startswith(_STORES):
            scheme = self.store.partition("//")[0]  # what follows may hold a password
            raise WiringError(f"Cache(store=) is {scheme!r}, and has to be {MEMORY} or one of {', '.join(_STORES)}")

    @property
    def seconds(self) -> float:
        """How long an answer is kept, in seconds."""
        return cast("float", self.ttl)

    @classmethod
    def of(cls, value: Any) -> "Cache":
        """The settings that a shorthand means: a time, or settings as they are.

        Raises:
            WiringError: It is neither.
        """
        return value if isinstance(value, cls) else cls(value)


def _seconds(value: Any) -> float:
    seconds = math.nan
    match value:
        case timedelta():
            seconds = value.total_seconds()
        case str():
            found = _TIME.fullmatch(value)
            seconds = float(found[1]) * _SECONDS[found[2]] if found else math.nan
        case int() | float() if not isinstance(value, bool):
            seconds = float(value)
        case _:
            pass
    if not 0 < seconds < math.inf:
        raise WiringError(f"cache is {value!r}, and has to be seconds, or a text like 30s, 1m or 2h")
    return seconds
