"""What an application says of itself, beside its modules and where it keeps what it has; and who watches it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from twofold.app._auditing import Auditing
from twofold.app._own_writes import Visible
from twofold.app._production import Profile
from twofold.clock import Clock
from twofold.dispatch import Idempotency
from twofold.errors import Classification, WiringError
from twofold.middleware import Meter, Spans
from twofold.store import Bounds, UnitFactory
from twofold.subscriptions import Observer, log_failure

if TYPE_CHECKING:
    from twofold.reliability import Listener

Seen: TypeAlias = Callable[[Iterable[str]], Awaitable[int]]
"""Tells how far in the log whoever reads from here on sees, at least, in what some projections have made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The settings of an application; `App` tells what each of them means.

    Args:
        name: What it is called.
        clock: Where it gets the time.
        errors: What exceptions and error values mean, by its own word.
        policies: What it says of reliability.
        idempotency: What it says of commands with a key.
        profile: Where it runs.
        lent: Whether its stores are lent to it for a while, by a test.
        auditing: How its audit trail is kept; None without one.
        authorization: Whether a command or query that has no policy keeps it from starting everywhere.
        tenants: Whether a message has only the streams of its tenant.
        interrupted_after: How long an attempt may take whose command has no timeout, in seconds.
        wait: How long a query waits until it sees what its caller has written, in seconds.
        lease: After how many seconds without a sign of life another process takes over what it follows.
        stuck_after: After how many seconds without a step, while events wait, its health check fails.
        bounds: How much one unit of work may record.

    Raises:
        WiringError: There is no such way of authorization or of tenants, or no time for commands.
    """

    name: str
    clock: Clock
    errors: Classification
    policies: Mapping[str, Any]
    idempotency: Idempotency | None
    profile: Profile
    auditing: Auditing | None
    authorization: Literal["required", "optional"]
    tenants: Literal["apart", "together"]
    interrupted_after: float
    wait: float
    lease: float
    stuck_after: float
    bounds: Bounds
    lent: bool = False

    def __post_init__(self) -> None:
        if self.authorization not in ("required", "optional"):
            raise WiringError(f"authorization={self.authorization!r} is neither required nor optional")
        if self.tenants not in ("apart", "together"):
            raise WiringError(f"tenants={self.tenants!r} are neither apart nor together")
        if not self.interrupted_after > 0:
            raise WiringError(f"interrupted_after={self.interrupted_after!r} is no number of seconds")

    @property
    def authorization_required(self) -> bool:
        """Whether a command or query that has no policy keeps it from starting everywhere."""
        return self.authorization == "required"

    @property
    def tenants_apart(self) -> bool:
        """Whether a message has only the streams of its tenant."""
        return self.tenants == "apart"

    @property
    def production(self) -> bool:
        """Whether it runs where others depend on it."""
        return self.profile == "production"

    @property
    def guarded(self) -> bool:
        """Whether a command or query that has no policy keeps it from starting here."""
        return self.authorization_required or self.production


class Watching(NamedTuple):
    """Who is told what an application does.

    Args:
        meter: Keeps the numbers; None for nobody.
        observer: Told of every failure of a projection or reaction; the log unless said.
        spans: Where a span of every message goes; None for nowhere.
        circuits: Told when a circuit breaker opens, is tried and closes; None for nobody.
    """

    meter: Meter | None = None
    observer: Observer = log_failure
    spans: Spans | None = None
    circuits: "Listener | None" = None


class Running(NamedTuple):
    """What parts of an application ask of it while it runs.

    Args:
        new_unit: Makes units of work.
        visible: Waits until projections show what has been written.
        seen: Tells how far in the log whoever reads from here on sees.
        services: What every handler may ask for, by type.
    """

    new_unit: UnitFactory
    visible: Visible
    seen: Seen
    services: Callable[[], Mapping[type, object]]
