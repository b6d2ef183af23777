"""Who may follow the log for a subscription: one owner each, by a lease that it keeps by showing that it lives.

An application has one `Owner` for all its subscriptions. It compares no clock with anybody else's: an owner whose
checkpoint has not changed for the length of a lease, by the clock of whoever watches it, is taken for dead. One that
was only frozen finds its moves refused by the token. Owners that live share evenly: see `_shares.py`.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import final

from twofold.errors import CheckpointMoved
from twofold.store import NOBODY, Checkpoint, Checkpoints
from twofold.subscriptions._shares import asks, mark_beside, owes
from twofold.subscriptions._watch import Watch


@final
class Owner:
    """The owner of the checkpoints that this application moves.

    Args:
        checkpoints: The checkpoints of its store.
        lease: How long an owner may show no sign of life before another one takes its place, in seconds.
        name: What it is called; made of the machine's name and the process id unless given.
        now: The clock that leases are measured by, in seconds; it must not jump.
        observer: Told why it cannot show that it lives, once until it can again.
        taken: Told which checkpoint it has taken from a dead owner, with that one's name.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        *,
        lease: float = 5.0,
        name: str | None = None,
        now: Callable[[], float] = time.monotonic,
        observer: Callable[[Exception], None] = lambda _: None,
        taken: Callable[[str, str], None] = lambda _name, _from: None,
    ) -> None:
        self.name = name or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.pause = lease / 4
        """How long to wait before looking again at what another one owns, in seconds."""
        self.error: Exception | None = None
        """Why it could not show that it lives, or share, when it last tried; None when it could."""
        self._checkpoints = checkpoints
        self._lease = lease
        self._now = now
        self._observer = observer
        self._taken = taken
        self._shown = now()
        self._watch = Watch(lease, now)
        self._term = 0
        self._acquired: set[str] = set()
        self._follows: dict[str, Callable[[], None]] = {}
        self._owed: dict[str, str] = {}
        self._stopping = asyncio.Event()

    @property
    def sure(self) -> bool:
        """Whether it has shown that it lives within its lease, so that nobody else can have taken its place."""
        return self._now() - self._shown < self._lease

    @property
    def term(self) -> int:
        """Its term; one ends when another owner may have taken its place: what was acquired in it is asked for anew."""
        return self._term

    async def run(self) -> None:
        """Show that it lives, again and again, until stopped; then give back what it owns."""
        while not self._stopping.is_set():
            try:
                await self.show()
                await self.share()
            except Exception as error:  # noqa: BLE001  # kept for whoever asks, and tried again; the lease runs out meanwhile
                if self.error is None:
                    self._observer(error)
                self.error = error
            else:
                back, self.error = self.error is not None, None
                for tell in list(self._follows.values()) if back else ():
                    tell()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.pause):
                    await self._stopping.wait()
        await self._checkpoints.release(self.name)

    async def show(self) -> None:
        """Show that it lives, now."""
        began = self._now()
        await self._checkpoints.renew(self.name)
        if not self.sure:
            self._end_term()
        self._shown = began

    async def share(self) -> None:
        """Ask for what others have too much of, and note what is to be handed over; `hand_over` does it."""
        acquired = set(self._acquired)
        stand = await self._checkpoints.all()
        found = {one.name: one for one in stand}
        mine = {one.name for one in stand if one.owner == self.name}
        if acquired & self._acquired - mine:
            self._end_term()  # taken, though its clock says that nobody can have: that stood still with the machine
        self._owed = owes(self.name, stand, self._watch.alive)
        marks = {mark_beside(name) for name in asks(self.name, self._follows, stand, self._watch.dead)}
        # What was handed over to somebody who does not follow it any more would rest with them for ever.
        surplus = mine - marks - self._follows.keys()
        if surplus:
            await self._checkpoints.release(self.name, sorted(surplus))
        for mark in sorted(marks - mine):
            with suppress(CheckpointMoved):  # somebody else asks for it
                await self._checkpoints.claim(found.get(mark) or Checkpoint(name=mark), self.name)

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()

    @contextmanager
    def following(self, name: str, back: Callable[[], None] = lambda: None) -> Generator[None]:
        """Be able to follow a checkpoint, for a block.

        Args:
            name: The checkpoint.
            back: Told when the store has been away and is back.
        """
        self._follows[name] = back
        try:
            yield
        finally:
            del self._follows[name]

    async def acquire(self, seen: Checkpoint) -> Checkpoint | None:
        """Own a checkpoint, if nobody who lives does.

        Args:
            seen: The checkpoint as it stands.

        Returns:
            The checkpoint as its owner has it; None while it is another's.
        """
        if seen.owner == self.name:
            self._acquired.add(seen.name)
            return seen
        if seen.owner != NOBODY and not self.dead(seen):
            return None
        try:
            claimed = await self._checkpoints.claim(seen, self.name)
        except CheckpointMoved:
            return None
        self._acquired.add(seen.name)
        if seen.owner != NOBODY:
            self._taken(seen.name, seen.owner)
        return claimed

    async def hand_over(self, name: str) -> bool:
        """Make whoever it owes a checkpoint to the owner, between two steps of whoever follows it here.

        Returns:
            Whether it is another's now.
        """
        heir = self._owed.pop(name, None)
        if heir is None:
            return False
        seen, mark = await self._checkpoints.get(name), await self._checkpoints.get(mark_beside(name))
        if (seen.owner, mark.owner) != (self.name, heir):
            return False  # whoever asked for it may have ended since
        try:
            await self._checkpoints.claim(seen, heir)
        except CheckpointMoved:
            return False  # this one has shown that it lives meanwhile; the next look says again what it owes
        self._acquired.discard(name)
        return True

    async def give_back(self, name: str) -> None:
        """Own a checkpoint no longer."""
        self._acquired.discard(name)
        await self._checkpoints.release(self.name, [name])

    def dead(self, seen: Checkpoint) -> bool:
        """Whether the owner of a checkpoint has shown no sign of life for a lease, as far as this one has watched."""
        return self._watch.dead(seen)

    def _end_term(self) -> None:
        self._term += 1
        self._acquired.clear()
