"""The relay: follows the log, and moves its checkpoint once the broker has confirmed.

A message that the broker has not confirmed is given again, under the same id. One stream's messages are given one
after the other, so that none passes another one that failed; those of different streams go at once.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, final

from pydantic_core import from_json, to_json

from twofold.dispatch import Start
from twofold.errors import WiringError
from twofold.messages import ERASED, MessageType
from twofold.messaging._broker import Broker
from twofold.messaging._errors import MessageRefused, NotConfirmed
from twofold.messaging._outgoing import Outgoing, outgoing
from twofold.messaging._publication import Publication
from twofold.store import Batch, Fact, Selection, Store

_BATCH: Final = 500


@final
class Relay:
    """Brings the events of a publication to a broker, at least once and in the order of their streams; a `Subscriber`.

    Args:
        publication: What it publishes, and where to.
        broker: The broker.
        store: Where its checkpoint is.
        types: The wire names under which the log may have its events.
        source: The name of the application.
    """

    batch_size = _BATCH
    version = 0

    def __init__(
        self, publication: Publication, broker: Broker, store: Store, types: frozenset[str], source: str
    ) -> None:
        self.publication = publication
        self.name = publication.name
        self.selection = Selection(types=types)
        self.start: Start = publication.start
        self.partitions = publication.partitions
        self._broker = broker
        self._store = store
        self._source = source
        self._confirmed: dict[str, tuple[int | None, set[str]]] = {}
        """What the broker has of a batch that did not end well, by checkpoint, with its token: the next try gives the
        rest, and another owner has settled it once the token is another one.
        """

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Publish events, and move the checkpoint once all of them are confirmed.

        Raises:
            NotConfirmed: The broker is away, or has not answered; what it has confirmed it is not given again.
            MessageRefused: It will never take one of them; all others are published, but those behind it.
        """
        move = settled.moves[0]
        token, confirmed = self._confirmed.setdefault(move.name, (move.token, set()))
        if token != move.token:
            _, confirmed = self._confirmed[move.name] = (move.token, set())
        messages = [*self._messages(facts)]
        await self._publish([one for one in messages if one.id not in confirmed], confirmed)
        await self._store.commit(settled)
        confirmed.difference_update([one.id for one in messages])

    async def _publish(self, messages: Sequence[Outgoing], confirmed: set[str]) -> None:
        refusals: dict[str, MessageRefused] = {}
        for turn in _turns(messages):
            given = [one for one in turn if one.stream not in refusals]
            outcomes = [*zip(given, await self._broker.publish(given), strict=True)] if given else []
            confirmed.update(one.id for one, outcome in outcomes if outcome is None)
            for one, outcome in outcomes:
                if isinstance(outcome, NotConfirmed):
                    raise outcome
                if outcome is not None:
                    refusals[one.stream] = outcome
        for refusal in refusals.values():
            raise refusal

    def _messages(self, facts: Sequence[Fact]) -> Iterator[Outgoing]:
        position = number = 0
        for event, recorded in facts:
            number = number + 1 if recorded.position == position else 0
            position = recorded.position
            kind = self.publication.kinds.get(event.__class__)
            if kind is not None:
                data = _withheld(kind, kind.encode(event))
                to = self.publication.to
                yield outgoing(kind, data, recorded, to=to, source=self._source, number=number)


def _turns(messages: Sequence[Outgoing]) -> list[list[Outgoing]]:
    """Messages in the fewest groups that have no stream twice, each stream in its order."""
    turns, seen = list[list[Outgoing]](), dict[str, int]()
    for one in messages:
        turn = seen[one.stream] = seen.get(one.stream, -1) + 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(one)
    return turns


def _withheld(kind: MessageType[Any], data: bytes) -> bytes:
    """An event without what is personal in it: that leaves as erased, whether it is or not."""
    if not kind.personal_fields:
        return data
    body = from_json(data)
    for field in kind.personal_fields:
        if field.name not in body:
            raise WiringError(f"{kind.cls.__qualname__} is written without {field.name!r}, which is personal")
        body[field.name] = {ERASED: True}
    return to_json(body)
