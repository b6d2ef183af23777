"""How far a subscription of a running application has come."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from twofold.errors import Unavailable
from twofold.messaging import Receiver
from twofold.store import Log
from twofold.subscriptions import LogReplaced, Subscription

Lease: TypeAlias = Literal["kept", "failing", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a subscription stands.

    Args:
        name: The projection's or reaction's name.
        position: The last position it has dealt with.
        head: The head of the log when this was asked.
        waiting: How long the oldest event that it has not dealt with has been in the log, in seconds; 0 without one.
        still: For how long events have waited without any being dealt with, or a version that is built has not been
            able to take the place, in seconds; 0 when nothing waits. Of what runs in another process: as far as this
            one has looked.
        owned: Whether it runs in this process; otherwise another one runs it, or nobody does.
        owner: Who owns its checkpoint, here or in another process; empty for nobody, and for one that has shown no sign
            of life for a lease, as far as this process has watched it.
        parked: How many streams it has put aside events of.
        failures: How often in a row it has failed; 0 when all is well, and for what runs in another process.
        error: What it failed with last, as text for an operator; empty when all is well, and for what runs in another
            process.
        reason: The code of an error that no waiting mends, `log_replaced`; empty for none, and for what runs in another
            process.
        lease: Whether this process can show that it lives, to own it: `kept`; `failing` when the last try failed, and
            `lost` once another process may have taken over.
        status: What this process does for a projection when it does not simply follow: why it stands aside, say.
    """

    name: str
    position: int
    head: int
    waiting: float = 0.0
    still: float = 0.0
    owned: bool = True
    owner: str = ""
    parked: int = 0
    failures: int = 0
    error: str = ""
    reason: str = ""
    lease: Lease = "kept"
    status: str = ""

    @property
    def lag(self) -> int:
        """How many positions it is behind; 0 when none of them holds an event for it."""
        return max(0, self.head - self.position)

    def stuck(self, bound: float) -> bool:
        """Whether somebody has to look: it is refused, events have waited for `bound` seconds, or nobody owns it.

        Nobody need own what this process does nothing for while no event waits; its status says why.
        """
        return bool(self.reason) or self.still > bound or not (self.owner or (self.status and not self.lag))


async def progress_of(subscription: Subscription, log: Log, head: int, now: datetime) -> Progress:
    """How far a subscription has come, as far as it knows itself.

    Args:
        subscription: The subscription.
        log: The log that it follows.
        head: The head of the log.
        now: The time.
    """
    position = subscription.position
    oldest = await log.read(position, until=head, limit=1, where=(subscription.selection,)) if position < head else ()
    return _told_by(
        subscription,
        position=position if oldest else max(position, head),
        head=head,
        waiting=max(0.0, (now - oldest[0].time).total_seconds()) if oldest else 0.0,
        # A view that goes by the clock waits for no event, and may fail all the same.
        still=subscription.still if oldest or isinstance(subscription.error, Unavailable) else 0.0,
    )


def progress_of_inbox(receiver: Receiver) -> Progress:
    """How far what receives messages has come: its lag is how many wait at the broker, when it last looked."""
    return _told_by(receiver, position=0, head=receiver.lag, waiting=receiver.still, still=receiver.still)


def _told_by(one: Subscription | Receiver, *, position: int, head: int, waiting: float, still: float) -> Progress:
    return Progress(
        name=one.name,
        position=position,
        head=head,
        waiting=waiting,
        still=still,
        owned=one.owned,
        failures=one.failures,
        error="" if one.error is None else repr(one.error),
        reason=one.error.code if isinstance(one.error, LogReplaced) else "",
    )
