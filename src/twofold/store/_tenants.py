"""A store as messages see it where tenants are apart: a stream belongs to the tenant of the message that began it.

An application gives it to its units of work and its handlers. Whoever follows the log, and all else that runs outside
of messages, has the store behind it. Whose a stream is never changes, so it is looked up once.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, final

from twofold.errors import ForeignTenant, VersionConflict
from twofold.messages import current_context, sees_every_tenant
from twofold.store._batch import ANY_VERSION, Append, Batch, Committed
from twofold.store._front import StoreFront, TransactionFront
from twofold.store._log import Log
from twofold.store._port import Store, Transaction, foundation
from twofold.store._recorded import Recorded
from twofold.store._selection import Selection
from twofold.store._snapshot import Snapshot

_TENANT: Final = "tenant"
_MOST: Final = 10_000
"""How many streams are remembered; then it begins anew."""


class _Owner(NamedTuple):
    """Whose a stream is: a tenant's, or that of the messages without one."""

    tenant: str | None


@final
class TenantStore(StoreFront):
    """A `Store` in front of another one, where a message has the streams of its tenant, and none of anybody else.

    It reads the others as if nothing were in them, unless it sees every tenant. It appends to none of them, whatever it
    sees: all events of a stream belong to one tenant.

    Args:
        behind: The other one.
    """

    def __init__(self, behind: Store) -> None:
        super().__init__(behind)
        self.owners = _Owners(behind)

    @property
    def log(self) -> "TenantLog":
        """The log, as the message sees it."""
        return TenantLog(self.behind.log, self.owners)

    async def commit(self, batch: Batch) -> Committed:
        """Write a batch.

        Raises:
            ForeignTenant: It appends to a stream of another tenant; nothing was written.
        """
        return await self.owners.keep(batch, super().commit)

    async def find_snapshot(self, stream: str) -> Snapshot | None:
        """Find a snapshot of a stream that the message sees."""
        return await super().find_snapshot(stream) if await self.owners.show(stream) else None

    def begin(self) -> Transaction:
        """A transaction of it, which appends to no stream of another tenant either."""
        return _TenantTransaction(super().begin(), self.owners)


@final
class TenantLog:
    """A `Log` in front of another one, as the message sees it.

    Args:
        behind: The other one.
        owners: Knows whose a stream is.
    """

    __slots__ = ("_behind", "_owners")

    def __init__(self, behind: Log, owners: "_Owners") -> None:
        self._behind = behind
        self._owners = owners

    async def head(self) -> int:
        """That of the other one."""
        return await self._behind.head()

    async def epoch(self) -> str:
        """That of the other one."""
        return await self._behind.epoch()

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        """Events that were recorded for the tenant of the message."""
        page = await self._behind.read(after, until=until, limit=limit, where=where)
        if sees_every_tenant():
            return page
        own = [entry for entry in page if _is_own(entry.headers.get(_TENANT))]
        while len(page) == limit and len(own) < limit:
            page = await self._behind.read(page[-1].position, until=until, limit=limit, where=where)
            own += [entry for entry in page if _is_own(entry.headers.get(_TENANT))]
        return own[:limit]

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events of one stream; none of a stream that the message does not see."""
        page = await self._behind.read_stream(stream, after=after, limit=limit)
        if page and page[0].version == 1:
            self._owners.note(stream, page[0].headers.get(_TENANT))
        return page if page and await self._owners.show(stream) else ()


class _TenantTransaction(TransactionFront):
    __slots__ = ("_owners",)

    def __init__(self, behind: Transaction, owners: "_Owners") -> None:
        super().__init__(behind)
        self._owners = owners

    async def commit(self, batch: Batch) -> Committed:
        return await self._owners.keep(batch, super().commit)


class _Owners:
    """Whose streams are."""

    def __init__(self, store: Store) -> None:
        self._store = foundation(store)
        self._known: dict[str, _Owner] = {}

    async def show(self, stream: str) -> bool:
        """Whether the message sees a stream; one that nobody has begun is no secret."""
        if sees_every_tenant():
            return True
        owner = await self._find(stream)
        return owner is None or _is_own(owner.tenant)

    def note(self, stream: str, tenant: str | None) -> None:
        """Remember whose a stream is."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[stream] = _Owner(tenant)

    async def keep(self, batch: Batch, commit: Callable[[Batch], Awaitable[Committed]]) -> Committed:
        """Commit a batch that keeps all events of a stream to one tenant.

        Raises:
            ForeignTenant: It does not; nothing was written.
            VersionConflict: A stream was begun meanwhile; nothing was written.
        """
        begun: dict[str, Append] = {}
        appends = tuple([await self._kept(one, begun) for one in batch.appends])
        try:
            committed = await commit(batch._replace(appends=appends))
        except VersionConflict as conflict:
            own, owner = begun.get(conflict.stream), await self._find(conflict.stream)
            if own is not None and owner is not None and owner.tenant != _tenant_of(own):
                raise _foreign(conflict.stream) from conflict
            raise
        for stream, append in begun.items():
            self.note(stream, _tenant_of(append))
        return committed

    async def _kept(self, append: Append, begun: dict[str, Append]) -> Append:
        """An append that goes to a stream of its tenant, or begins one; what was begun so far is added to."""
        stream, own = append.stream, _tenant_of(append)
        if stream == f"message-{append.events[0].headers.get('causation_id')}":
            return append  # in a stream of the message itself
        before = begun.get(stream)
        if before is None and append.expected != 0:
            owner = await self._find(stream)
            if owner is not None:
                if owner.tenant != own:
                    raise _foreign(stream)
                return append
            if append.expected != ANY_VERSION:
                raise VersionConflict(stream=stream, expected=append.expected, actual=0)
        if before is not None and _tenant_of(before) != own:
            raise _foreign(stream)
        version = 0 if before is None else before.expected + len(before.events)
        if append.expected == ANY_VERSION:  # it is to fail when somebody else begins the stream meanwhile
            append = append._replace(expected=version)
        begun[stream] = append
        return append

    async def _find(self, stream: str) -> _Owner | None:
        if stream not in self._known:
            first = await self._store.log.read_stream(stream, limit=1)
            if not first:
                return None
            self.note(stream, first[0].headers.get(_TENANT))
        return self._known[stream]


def _is_own(tenant: str | None) -> bool:
    context = current_context()
    return context is not None and context.tenant == tenant


def _tenant_of(append: Append) -> str | None:
    """The tenant of the messages that an append is of.

    Raises:
        ForeignTenant: They have more than one.
    """
    first, *others = {event.headers.get(_TENANT) for event in append.events}
    if others:
        raise _foreign(append.stream)
    return first


def _foreign(stream: str) -> ForeignTenant:
    return ForeignTenant(f"stream {stream!r} belongs to another tenant: send a command for that one")
