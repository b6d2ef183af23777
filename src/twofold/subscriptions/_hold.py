"""Holding a checkpoint: whether it is this subscription's to move, from where, and with which fences.

A subscription asks before each step. While another process owns the checkpoint it looks on, so that those who wait for
a position here are told what was done there.
"""

from collections.abc import Sequence
from typing import final

from twofold.errors import CheckpointMoved, Conflict
from twofold.store import INLINE, NOBODY, Batch, Checkpoint, Move, Recorded, Store
from twofold.subscriptions._cut import Cut, dealt_with
from twofold.subscriptions._owner import Owner
from twofold.subscriptions._reach import Reach
from twofold.subscriptions._replaced import LogReplaced
from twofold.subscriptions._subscriber import Source, Subscriber
from twofold.subscriptions._tenure import Tenure

_ALL_PARKED = 1_000_000


@final
class Hold:
    """The checkpoint of one subscription.

    Args:
        subscriber: What handles the events.
        cut: The part of the subscriber's events that it handles.
        store: The store that the checkpoint is in.
        source: The log that is followed.
        owner: Who owns the checkpoint while it is followed; None for nobody, when nobody else can be following.
        reach: Told how far it has come.
    """

    def __init__(
        self, subscriber: Subscriber, cut: Cut, store: Store, source: Source, owner: Owner | None, reach: Reach
    ) -> None:
        self.checkpoint: Checkpoint | None = None
        """Where it stood when it was last moved; None while it is not held."""
        self._subscriber = subscriber
        self._cut = cut
        self._store = store
        self._source = source
        self._owner = owner
        self._tenure = None if owner is None else Tenure(cut.name, owner)
        self._reach = reach
        self._others: Sequence[Checkpoint] = ()
        self._looked_at: int | None = None

    @property
    def certain(self) -> bool:
        """Whether it is held, and nobody else can hold it by now: only then may anything be begun."""
        return self.checkpoint is not None and (self._tenure is None or self._tenure.certain)

    async def take(self) -> Checkpoint | None:
        """The checkpoint, when it is this subscription's to move.

        Raises:
            Conflict: It belongs to a projection that is inline in another process, or to another version.
            LogReplaced: It belongs to another log.
        """
        if self._tenure is not None and not await self._tenure.goes_on():
            self.let_go()
        if self.checkpoint is None:
            seen = await self._store.checkpoints.get(self._cut.name)
            if seen.position == INLINE:
                raise Conflict(f"{seen.name!r} is inline in another process: run all of them in one mode")
            self._require_version(seen)
            held = seen if self._owner is None else await self._owner.acquire(seen)
            if held is None or not await self._follows_on():
                await self._look_on(seen)
                return None
            self._looked_at = None
            self.checkpoint = await self._begin(held)
            self._reach.advance(self.checkpoint.position)
        return self.checkpoint

    def let_go(self) -> None:
        """Hold it no longer: somebody else may have moved it, so `take` has to ask again where it stands."""
        self.checkpoint = None

    def move(self, position: int, epoch: str = "") -> Move:
        """What moves it to a position, in a batch; `moved` is to be told once that is committed.

        Args:
            position: Where to; it is held where it stands when it is there already.
            epoch: The epoch of the log; empty to leave it as it is.

        Raises:
            CheckpointMoved: It is not held.
        """
        if self.checkpoint is None:
            raise CheckpointMoved(name=self._cut.name, text="belongs to another process")
        return self._move(self.checkpoint, position, epoch)

    def moved(self, position: int) -> None:
        """Note that it was moved."""
        if self.checkpoint is not None:
            self.checkpoint = self.checkpoint._replace(position=position)

    def passed(self, entries: Sequence[Recorded]) -> set[int]:
        """Of some events the positions of those that an earlier cut has dealt with."""
        if not self._others:
            return set()
        return {one.position for one in entries if dealt_with(one.position, one.stream, self._others)}

    async def require(self, held: Checkpoint, error: Exception) -> None:
        """See that a checkpoint stands where it was left, after something has failed.

        Raises:
            CheckpointMoved: Another process has done the same work: whatever it failed with, that is why.
        """
        stands = await self._store.checkpoints.get(held.name)
        self._require_version(stands, error)
        if (stands.position, stands.token) != (held.position, held.token):
            text = f"stands at {stands.position}, not at {held.position}"
            raise CheckpointMoved(name=held.name, text=text) from error

    def _require_version(self, stands: Checkpoint, error: Exception | None = None) -> None:
        # A checkpoint that is gone must not come into being by being claimed: nobody has laid tables for it.
        if self._subscriber.version not in (0, stands.version):
            text = f"has version {stands.version}, not {self._subscriber.version}"
            raise CheckpointMoved(name=stands.name, text=text) from error

    async def _begin(self, held: Checkpoint) -> Checkpoint:
        """See that the log is the one that was followed before, and place a checkpoint that is new."""
        log = self._source.log
        epoch, head = await log.epoch(), await log.head()
        other = held.epoch not in ("", epoch)
        if other or held.position > head:
            raise LogReplaced(name=held.name, position=held.position, head=head, shorter=not other)
        if held.position == 0 and not held.epoch:
            start = min((one.position for one in self._others), default=self._subscriber.start)
            position = {"beginning": 0, "now": head}[start] if isinstance(start, str) else start
            await self._store.commit(Batch(moves=(self._move(held, position, epoch),)))
            held = held._replace(position=position)
        return held._replace(epoch=epoch)

    async def _follows_on(self) -> bool:
        """Take over from an earlier cut; whether nobody follows by that one any more."""
        self._others = self._cut.others(await self._store.checkpoints.all())
        for other in self._others:
            if self._owner is not None and other.owner != NOBODY:
                if await self._owner.acquire(other) is None:
                    return False
                await self._owner.give_back(other.name)
            left = self._cut.inherited(await self._store.parked.list(other.name, limit=_ALL_PARKED))
            if left:
                frees = tuple((other.name, one.position) for one in left)
                await self._store.commit(Batch(parks=left, frees=frees))
        return True

    async def _look_on(self, seen: Checkpoint) -> None:
        """Notice how far the owner has come; there may be nothing for it behind its checkpoint."""
        if seen.position != self._looked_at:
            self._looked_at = seen.position
            self._reach.advance(seen.position)
        log, selection = self._source.log, self._cut.of(self._subscriber.selection)
        head = await log.head()
        if not await log.read(self._reach.position, until=head, limit=1, where=(selection,)):
            self._reach.advance(head)
            self._reach.nothing_waits()

    def _move(self, held: Checkpoint, position: int, epoch: str = "") -> Move:
        token = None if self._owner is None else held.token
        return Move(held.name, position, held.position, token=token, epoch=epoch, version=self._subscriber.version)
