"""Reading what was: aggregates, states of deciders and decisions as of a moment, and the events that made them.

It has the log and nothing else: no unit of work, no bus, so whatever is done with the past has no effects.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, TypeVar, final

from twofold.aggregates._aggregate import Aggregate
from twofold.aggregates._as_of import AsOf
from twofold.aggregates._decision import Decision, all_own, tell_all
from twofold.dispatch import Decider
from twofold.errors import NotFound, WiringError
from twofold.messages import Catalogue
from twofold.result import Failure, Result, Success
from twofold.store import Fact, Log, Store, decode

A = TypeVar("A", bound=Aggregate)
S = TypeVar("S")

_PAGE = 1000


@final
class History:
    """What was, as the log tells it; queries may ask for it, and so may everything else.

    Args:
        store: Where the log is.
        catalogue: What decodes it.

    Example:
        >>> @orders.handler
        ... async def order_then(query: OrderThen, history: History) -> Result[int, NotFound]:
        ...     found = await history.get(Order, query.order_id, as_of=AsOf.instant(query.at))
        ...     return found.map(lambda order: order.total)
    """

    __slots__ = ("_catalogue", "_store")

    def __init__(self, store: Store, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    async def get(
        self,
        kind: type[A],
        id: object,  # noqa: A002  # what users call it
        *,
        as_of: AsOf | None = None,
    ) -> Result[A, NotFound]:
        """An aggregate; a Failure when there was none.

        Args:
            kind: Its class.
            id: Its id.
            as_of: When; now unless given.
        """
        found = await self.find(kind, id, as_of=as_of)
        return Failure(missing(kind.stream_of(id), as_of)) if found is None else Success(found)

    async def find(
        self,
        kind: type[A],
        id: object,  # noqa: A002  # what users call it
        *,
        as_of: AsOf | None = None,
    ) -> A | None:
        """An aggregate; None when there was none. It cannot be saved, unless it is as it is now.

        Args:
            kind: Its class.
            id: Its id.
            as_of: When; now unless given.
        """
        return await past_of(kind, kind.stream_of(id), self._store.log, self._catalogue, as_of)

    async def state(
        self, decider: Decider[Any, S, Any], stream: str, *, as_of: AsOf | None = None
    ) -> Result[S, NotFound]:
        """The state of a decider; a Failure when nothing had happened in its stream.

        Args:
            decider: What `Module.decider` has given.
            stream: The name of its stream: `account-7`.
            as_of: When; now unless given.
        """
        facts = await self.events(stream, as_of=as_of)
        return Success(decider.fold(fact.event for fact in facts)) if facts else Failure(missing(stream, as_of))

    async def read(self, *decisions: Decision, as_of: AsOf) -> None:
        """Tell decisions all that they are made of, up to a moment; nothing can be recorded on that.

        Args:
            decisions: New ones, at least one.
            as_of: A position or an instant.

        Raises:
            WiringError: A decision does not say what it is made of, or is given twice; or it is asked for as of a
                version, which is one stream's.
        """
        if as_of.kind == "version":
            raise WiringError("a decision is made of several streams: ask for it as of a position or an instant")
        head = await self._store.log.head()
        await tell_all(all_own(decisions, self._catalogue), self._store.log, self._catalogue, head=head, as_of=as_of)

    async def events(self, stream: str, *, as_of: AsOf | None = None) -> Sequence[Fact]:
        """The events of a stream with what the log says of each: its id, position, version, time and headers.

        Args:
            stream: The name of the stream, such as `Order.stream_of(order_id)`.
            as_of: Up to when; now unless given.
        """
        facts, _ = await facts_of(stream, self._store.log, self._catalogue, as_of)
        return facts


async def past_of(kind: type[A], stream: str, log: Log, catalogue: Catalogue, as_of: AsOf | None) -> A | None:
    """An aggregate as it was at a moment, which it remembers."""
    facts, version = await facts_of(stream, log, catalogue, as_of)
    found = kind.rebuild((fact.event for fact in facts), version=version)
    if found is not None:
        found._as_of = as_of
    return found


async def facts_of(stream: str, log: Log, catalogue: Catalogue, as_of: AsOf | None) -> tuple[Sequence[Fact], int]:
    """The events of a stream up to a moment, and the version that it was at."""
    facts: list[Fact] = []
    version = 0
    while True:
        page = await log.read_stream(stream, after=version, limit=_PAGE)
        told = page if as_of is None else list(takewhile(as_of.covers, page))
        facts += decode(catalogue, told)
        version += len(told)
        if len(told) < _PAGE:
            break
    return ([], 0) if as_of is not None and as_of.is_beyond(version) else (facts, version)


def missing(stream: str, as_of: AsOf | None) -> NotFound:
    """What is said of something that is not there, or was not."""
    then = "" if as_of is None else f" as of {as_of}"
    return NotFound(f"there is no {stream.replace('-', ' ', 1)}{then}")
