"""The metadata of the message being handled: who sent it, what caused it, when, and until when.

A `Context` is made for every dispatch, so it is built to be cheap: what is the same for a whole request sits in one
shared `Origin`, and the message id and time are made when somebody first asks for them.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from inspect import Signature
from types import MappingProxyType
from typing import Any, ClassVar, Final, cast, final
from uuid import UUID

from twofold.clock import Clock, IdSource, SystemClock, new_id, text_of
from twofold.errors import WiringError
from twofold.messages._expected import Expected
from twofold.messages._receipt import Receipt

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking, as the door that let them in knows them.

    Args:
        user_id: The stable id of the user or service.
        tenant: The tenant they act for, when there are tenants.
        roles: What they are, for policies to decide by.

    Raises:
        WiringError: The user id is no text, or a blank one: a variable or header that nobody has set is nobody. Or the
            roles are a text, in which every role would be found that is a part of it.
    """

    __signature__: ClassVar = Signature()  # a web framework would have whoever calls fill in who they are

    user_id: str
    tenant: str | None = None
    roles: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        user_id: Any = self.user_id
        if not (user_id and str(user_id).strip()):
            raise WiringError("a Principal without a user id is nobody: say None instead of one")
        if not isinstance(user_id, str):
            raise WiringError(f"the user id of a Principal is of type {type(user_id).__name__}: make it a str")
        roles: Any = self.roles
        if isinstance(roles, (str, bytes, Mapping)) or not isinstance(roles, Iterable):
            raise WiringError(f"the roles of a Principal are of type {type(self.roles).__name__}: say a set of str")
        members = [*cast("Iterable[object]", roles)]
        if not all(isinstance(role, str) for role in members):
            raise WiringError("a role of a Principal is no str: say a set of str")
        object.__setattr__(self, "roles", frozenset(members))


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a message comes from; shared by every message of one request.

    Args:
        correlation_id: Joins everything that one request caused; the first message's id unless given.
        causation_id: The id of the message that caused this one, when it came from elsewhere.
        user_id: Who sent it.
        tenant: The tenant it belongs to.
        principal: Who sent it, as authenticated by a door.
        source: The door that it came through, for the audit trail; None for code.
        trace: Trace headers (W3C `traceparent`, `tracestate`).
        receipt: Where its commands note what they have written, and its queries look; None when nobody asks.
        idempotency_key: What its sender calls a command, so that it is handled once however often it is sent.
        expected: What its sender expects of what a command is about, so that it does nothing if that has changed.
        replay: Whether it is a command of the past, tried against a throw-away copy.
    """

    correlation_id: str | None = None
    causation_id: str | None = None
    user_id: str | None = None
    tenant: str | None = None
    principal: Principal | None = None
    source: str | None = None
    trace: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    receipt: Receipt | None = field(default=None, compare=False)
    idempotency_key: str | None = field(default=None, repr=False)
    expected: Expected | None = None
    replay: bool = False


NOWHERE: Final = Origin()

EVENTS: Final = "events"
"""The source of what reactions send, which is no door."""


@final
class Context:
    """The metadata of one message while it is handled. Read only.

    Args:
        origin: What its whole request shares; its parent's when it comes from nowhere else. None for that of its task,
            when it has no parent.
        parent: The context it was sent in, when a handler sent it.
        clock: Where its time comes from.
        ids: Where its id comes from.
        message_id: Its id, when it has one already.
        deadline: The moment of the monotonic clock after which nobody waits for it, in seconds.
        trace: The trace headers of what it causes, where it has a span of its own.
    """

    __slots__ = ("_deadline", "_id_text", "_message_id", "_time", "_trace", "clock", "ids", "origin", "parent")

    def __init__(
        self,
        origin: Origin | None = NOWHERE,
        parent: "Context | None" = None,
        clock: Clock = SystemClock(),
        ids: IdSource = new_id,
        message_id: UUID | None = None,
        deadline: float | None = None,
        trace: Mapping[str, str] | None = None,
    ) -> None:
        if parent is None:
            self.origin: Origin = current_origin() if origin is None else origin
        else:
            self.origin = parent.origin if origin is None or origin is NOWHERE else origin
        self.parent = parent
        self._deadline = deadline
        self.clock = clock
        self.ids = ids
        self._message_id = message_id
        self._id_text: str | None = None
        self._time: datetime | None = None
        self._trace = trace

    @property
    def message_id(self) -> UUID:
        """The id of the message."""
        if self._message_id is None:
            self._message_id = self.ids()
        return self._message_id

    @property
    def id_text(self) -> str:
        """The id of the message as text: what it causes has it in many places."""
        if self._id_text is None:
            self._id_text = text_of(self.message_id.int.to_bytes(16))
        return self._id_text

    @property
    def time(self) -> datetime:
        """When the message was sent, in UTC."""
        if self._time is None:
            self._time = self.clock.now()
        return self._time

    @property
    def deadline(self) -> float | None:
        """The moment of the monotonic clock after which nobody waits for it, in seconds; never after its parent's."""
        if self._deadline is None and self.parent is not None:
            return self.parent.deadline
        return self._deadline

    def end_by(self, deadline: float) -> None:
        """Bring the deadline nearer; a later one changes nothing.

        Args:
            deadline: A moment of the monotonic clock, in seconds.
        """
        known = self.deadline
        self._deadline = deadline if known is None else min(known, deadline)

    @property
    def correlation_id(self) -> str:
        """Joins everything that one request caused."""
        if self.origin.correlation_id is not None:
            return self.origin.correlation_id
        return self.id_text if self.parent is None else self.parent.correlation_id

    @property
    def causation_id(self) -> str | None:
        """The id of the message that caused this one; None for the first."""
        return self.origin.causation_id if self.parent is None else self.parent.id_text

    @property
    def principal(self) -> Principal | None:
        """Who sent it, as authenticated by a door."""
        return self.origin.principal

    @property
    def user_id(self) -> str | None:
        """Who sent it."""
        principal = self.origin.principal
        return self.origin.user_id if principal is None else principal.user_id

    @property
    def tenant(self) -> str | None:
        """The tenant it belongs to."""
        principal = self.origin.principal
        return self.origin.tenant if principal is None else principal.tenant

    @property
    def trace(self) -> Mapping[str, str]:
        """Its trace headers."""
        if self._trace is not None:
            return self._trace
        parent = self.parent
        return parent.trace if parent is not None and self.origin is parent.origin else self.origin.trace

    @property
    def replay(self) -> bool:
        """Whether it is of the past, and tried again: nothing that comes of it stays."""
        return self.origin.replay

    def headers(self) -> dict[str, str]:
        """What is stored beside an event that this message caused."""
        headers = {"causation_id": self.id_text, "correlation_id": self.correlation_id}
        if trace := self.trace:
            headers = {**trace, **headers}
        if (user_id := self.user_id) is not None:
            headers["user_id"] = user_id
        if (tenant := self.tenant) is not None:
            headers["tenant"] = tenant
        return headers

    def __repr__(self) -> str:
        return f"Context(message_id={self.id_text!r}, correlation_id={self.correlation_id!r})"


_current: ContextVar[Context | None] = ContextVar("twofold_context", default=None)

current_context = _current.get
"""The context of the message being handled in this task, or None outside any."""

enter_context = _current.set
leave_context = _current.reset

_origin: ContextVar[Origin] = ContextVar("twofold_origin", default=NOWHERE)

current_origin = _origin.get
"""Where messages of this task come from that no handler sends and nobody says an origin of; set by a door."""

enter_origin = _origin.set
leave_origin = _origin.reset


@contextmanager
def entered(context: Context) -> Generator[Context]:
    """Make a context the current one for a block, as a dispatch does."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
