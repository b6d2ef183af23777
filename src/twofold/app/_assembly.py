"""An application as put together, to be run or looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twofold.app._authorization import Authorization
from twofold.app._lifecycle import Attempts
from twofold.app._local import LocalReactions
from twofold.dispatch import Handler, Idempotency, Injection
from twofold.errors import Fault
from twofold.messaging import Broker, Consumption, Inbox, Publication
from twofold.middleware import Spans
from twofold.projections import Projection, Refresher, Writer
from twofold.store import Behind, Inline, Move, Refusals, Store, Told
from twofold.subscriptions import Subscriber

if TYPE_CHECKING:
    from twofold.app._caching import Caching
    from twofold.app._reliability import ReliabilityParts


@dataclass(kw_only=True)
class Assembly:
    """An application as put together.

    Args:
        store: Where its log is, as messages see it.
        faults: Everything that keeps it from starting.
        brokerless: The faults of what has no broker to go over: they keep it from starting too, and nobody from looking
            at it.
        injection: Where handlers get their dependencies.
        projections: Its projections.
        writers: What brings its events to other technologies.
        publications: What leaves the service.
        consumptions: What comes from other services.
        broker: What both go over; None where nothing does.
        inboxes: Where what comes is recorded.
        followers: What follows the log for readers: async projections, writers, and views refreshed on events.
        outside: The writers among them; who runs a projection depends on its version.
        reactions: What follows it and writes.
        local: The reactions that do not follow it; None when there are none.
        told: Told of every commit; None when nobody wants to know.
        views: What keeps its materialized views.
        inline: What inline projections make of a unit of work.
        held: What must hold for them.
        state: The tables of its state.
        read_models: The tables and views that it is read by.
        reliability: What is set of reliability, and where; None for nothing.
        authorization: Who may send which message, and where that is declared.
        caching: What keeps answers of queries; None when no handler says `cache`.
        idempotency: What is said of commands with a key, by handler.
        refusals: Counts what limits refuse, for the audit trail; None without one.
        behind: Writes what answers need not wait for.
        attempts: The attempts whose end is recorded when nobody comes to it; None when there are none.
        spans: Where spans go; None for nowhere.
    """

    store: Store
    faults: list[Fault] = field(default_factory=list[Fault])
    brokerless: list[Fault] = field(default_factory=list[Fault])
    injection: Injection = field(default_factory=Injection)
    projections: list[Projection] = field(default_factory=list[Projection])
    writers: list[Writer] = field(default_factory=list[Writer])
    publications: list[Publication] = field(default_factory=list[Publication])
    consumptions: list[Consumption] = field(default_factory=list[Consumption])
    broker: Broker | None = None
    inboxes: list[Inbox] = field(default_factory=list[Inbox])
    followers: list[Subscriber] = field(default_factory=list[Subscriber])
    outside: list[Subscriber] = field(default_factory=list[Subscriber])
    reactions: list[Subscriber] = field(default_factory=list[Subscriber])
    local: LocalReactions | None = None
    told: Told | None = None
    views: list[Refresher] = field(default_factory=list[Refresher])
    inline: Inline | None = None
    held: tuple[Move, ...] = ()
    state: tuple[Any, ...] = ()
    read_models: tuple[Any, ...] = ()
    reliability: "ReliabilityParts | None" = None
    authorization: Authorization = field(default_factory=Authorization)
    caching: "Caching | None" = None
    idempotency: Mapping[Handler, Idempotency] = field(default_factory=dict[Handler, Idempotency])
    refusals: Refusals | None = None
    behind: Behind = field(default_factory=Behind)
    attempts: Attempts | None = None
    spans: Spans | None = None

    @property
    def filling(self) -> list[Subscriber]:
        """What follows the log event by event for readers: async projections and writers; views follow these."""
        return [one for one in self.followers if not isinstance(one, Refresher)]
