"""The inbox: messages of other services become events of the log, each once, in the transaction that remembers it.

What is read here comes from outside. It is bounded before it is parsed, becomes an event of a class that was declared
or none, and of what it says of itself nothing gives a right.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple, final
from uuid import UUID, uuid5

from twofold.clock import Clock
from twofold.errors import Corrupt, Invalid, NewerVersion, UnknownMessage
from twofold.messages import EVENTS, Catalogue, Context, Origin
from twofold.messaging._consumption import Consumption
from twofold.messaging._errors import MessageUnreadable
from twofold.messaging._incoming import Incoming, opened, read_document
from twofold.store import Batch, Received, Recorded, Store, UnitFactory, working

LARGEST: Final = 1_048_576
"""How many bytes of data a message may have, and how many of one are kept that is put aside."""
_LONGEST: Final = 512
"""How long an attribute may be that names something, in characters."""
_IDS: Final = UUID("6f0f1f5e-6f1c-5d0e-8a53-2f6d2f1f7d11")
_NO_ID: Final = UUID(int=0)
_NAMED: Final = ("id", "source", "type")
_TRACE: Final = ("traceparent", "tracestate")


class Arrival(NamedTuple):
    """A message that could be read.

    Args:
        message: The message.
        key: What it is known by.
        type: The wire name of its event.
        stream: The stream that its event goes to.
        events: What it is as of today, each with the message that it belongs to.
    """

    message: Incoming
    key: bytes
    type: str
    stream: str
    events: Sequence[tuple[Any, Context]]


@final
class Inbox:
    """Reads and records the messages of one consumption.

    Args:
        consumption: What is received.
        store: Where it is recorded.
        catalogue: The events that are known.
        new_unit: Makes units of work.
        clock: Tells the time.
    """

    def __init__(
        self, consumption: Consumption, store: Store, catalogue: Catalogue, new_unit: UnitFactory, clock: Clock
    ) -> None:
        self.consumption = consumption
        self.store = store
        self._catalogue = catalogue
        self._new_unit = new_unit
        self._clock = clock
        self._remembered = timedelta(seconds=consumption.remembered)

    def open(self, one: Incoming) -> Incoming:
        """A message with its attributes, however it came.

        Raises:
            MessageUnreadable: It is too large, or no CloudEvent in JSON.
        """
        if len(one.data) > LARGEST:
            raise MessageUnreadable(f"it has {len(one.data)} bytes of data, and {LARGEST} are read")
        return opened(one)

    def kept(self, document: bytes, position: int = 0) -> Incoming:
        """A message that was put aside, as it was kept or mended.

        Raises:
            MessageUnreadable: It is too large, or no CloudEvent in JSON.
        """
        attributes, data = read_document(document)
        return self.open(Incoming("", attributes, data, position))

    def prove(self, document: bytes) -> None:
        """See that a message can be read, as it was mended.

        Raises:
            Invalid: It cannot.
        """
        try:
            one = self.kept(document)
            self.read(one, self.key_of(one))
        except (Corrupt, NewerVersion) as error:
            raise Invalid(error.detail) from error

    def key_of(self, one: Incoming) -> bytes:
        """What a message is known by; whether it can be read or not, and empty for one that says nothing of it."""
        source, id_ = one.attributes.get("source"), one.attributes.get("id")
        if not source or not id_:
            return b""
        return sha256(json.dumps([self.consumption.name, source, id_]).encode()).digest()

    def read(self, one: Incoming, key: bytes) -> Arrival:
        """A message as what it says.

        Args:
            one: The message, as it was opened.
            key: What it is known by.

        Raises:
            MessageUnreadable: It lacks what a CloudEvent has, or is not in JSON.
            UnknownMessage: Its event is none of those that are received.
            NewerVersion: Its event is of a version that this process does not know yet.
            Undecodable: Its data does not fit the class of its event.
        """
        said = one.attributes
        _prove(said)
        id_, source, type_ = (said[name] for name in _NAMED)
        if type_ not in self.consumption.types:
            raise UnknownMessage(name=type_[:_LONGEST], near=tuple(sorted(self.consumption.types))[:3])
        events = self._catalogue.read(type_, self._version(type_, said.get("schemaversion")), one.data)
        first = _event_id(id_, source)
        ids = [first, *(uuid5(first, str(number)) for number in range(1, len(events)))][: len(events)]
        origin = self._origin(said, first)
        contexts = [Context(origin, clock=self._clock, message_id=event_id) for event_id in ids]
        stream = self._stream(said.get("subject") or id_)
        return Arrival(one, key, type_, stream, [*zip(events, contexts, strict=True)])

    async def known(self, keys: Iterable[bytes]) -> set[bytes]:
        """The keys of messages that were received before; of those that say nothing of themselves none was."""
        sought = {key for key in keys if key}
        return set(await self.store.find_received(sought)) if sought else set()

    async def record(self, arrivals: Sequence[Arrival], settled: Batch) -> None:
        """Record messages, remember them, and settle what goes with that: one transaction.

        Raises:
            AlreadyReceived: One was received before.
            CheckpointMoved: It is another process's turn.
        """
        now = self._clock.now()
        received = tuple(Received(one.key, one.type, now, now + self._remembered) for one in arrivals)
        facts = [(one.stream, event, of) for one in arrivals for event, of in one.events]
        settled = settled._replace(received=received)
        if not facts:  # nothing came, or what has come is passed over today
            await self.store.commit(settled)
            return
        async with working(self._new_unit(facts[0][2])) as unit:
            for stream, event, of in facts:
                unit.receive(stream, event, of)
            unit.settle(settled)
            await unit.commit()

    def entry_of(self, one: Incoming) -> Recorded:
        """A message as an entry that can be put aside: under its stream where it says it, else alone."""
        subject, type_ = one.attributes.get("subject", ""), one.attributes.get("type", "")
        stream = self._stream(subject if _is_name(subject) else f"#{one.number}")
        name = type_ if _is_name(type_) else "?"
        return Recorded(one.number, stream, 0, _NO_ID, name, 0, b"", {}, self._clock.now())

    def _stream(self, name: str) -> str:
        return f"from:{self.consumption.place}:{name}"

    def _version(self, name: str, said: str | None) -> int:
        if said is None:
            return self._catalogue.version_of(name) or 1
        if not (said.isascii() and said.isdigit() and len(said) < 10):
            raise MessageUnreadable("its schemaversion is no number")
        return int(said)

    def _origin(self, said: Mapping[str, str], id_: UUID) -> Origin:
        return Origin(
            correlation_id=said.get("correlationid") or str(id_),
            causation_id=said.get("causationid"),
            tenant=said.get("tenant") if self.consumption.tenants else None,
            source=EVENTS,
            trace={name: said[name] for name in _TRACE if said.get(name)},
        )


def _prove(said: Mapping[str, str]) -> None:
    """See that a message is a CloudEvent in JSON, as far as its attributes tell."""
    if not said.get("specversion", "").startswith("1."):
        raise MessageUnreadable("it is no CloudEvent 1.0: it has no such specversion")
    for name in _NAMED:
        if not said.get(name):
            raise MessageUnreadable(f"it has no {name}")
    for name in (*_NAMED, "subject", "correlationid", "causationid", "tenant", *_TRACE):
        if said.get(name) and not _is_name(said[name]):
            raise MessageUnreadable(f"its {name} is too long, or has characters that cannot be printed")
    kind = said.get("datacontenttype", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise MessageUnreadable(f"its data is {kind[:80]!r}, and JSON is read")
    if "sizeinbytes" in said:
        raise MessageUnreadable(f"its data was too large to be kept: {said['sizeinbytes'][:20]} bytes")


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text.isprintable()


def _event_id(id_: str, source: str) -> UUID:
    """The id that its event has here: its own, or one that is made of it where that is no UUID."""
    try:
        return UUID(id_)
    except ValueError:
        return uuid5(_IDS, json.dumps([source, id_]))
