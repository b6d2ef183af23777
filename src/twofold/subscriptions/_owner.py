"""Who may follow the log for a subscription: one owner each, by a lease that it keeps by showing that it lives.

An application has one `Owner` for all its subscriptions. It compares no clock with anybody else's: an owner whose
checkpoint has not changed for the length of a lease, by the clock of whoever watches it, is taken for dead. One that
was only frozen finds its moves refused by the token.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable
from typing import TypeAlias, final

from twofold.errors import CheckpointMoved
from twofold.store import NOBODY, Checkpoint, Checkpoints

_Mark: TypeAlias = tuple[str, int, int, int]


@final
class Owner:
    """The owner of the checkpoints that this application moves.

    Args:
        checkpoints: The checkpoints of its store.
        lease: How long an owner may show no sign of life before another one takes its place, in seconds.
        name: What it is called; made of the machine's name and the process id unless given.
        now: The clock that leases are measured by, in seconds; it must not jump.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        *,
        lease: float = 5.0,
        name: str | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.pause = lease / 4
        """How long to wait before looking again at what another one owns, in seconds."""
        self.error: Exception | None = None
        self._checkpoints = checkpoints
        self._lease = lease
        self._now = now
        self._shown = now()
        self._seen = dict[str, tuple[_Mark, float]]()
        self._stopping = asyncio.Event()

    @property
    def sure(self) -> bool:
        """Whether it has shown that it lives within its lease, so that nobody else can have taken its place."""
        return self._now() - self._shown < self._lease

    async def run(self) -> None:
        """Show that it lives, again and again, until stopped; then give back what it owns."""
        while not self._stopping.is_set():
            try:
                await self.show()
            except Exception as error:  # noqa: BLE001  # kept for whoever asks, and tried again; the lease runs out meanwhile
                self.error = error
            try:
                async with asyncio.timeout(self.pause):
                    await self._stopping.wait()
            except TimeoutError:
                continue
        await self._checkpoints.release(self.name)

    async def show(self) -> None:
        """Show that it lives, now."""
        began = self._now()
        await self._checkpoints.renew(self.name)
        self._shown, self.error = began, None

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()

    async def acquire(self, seen: Checkpoint) -> Checkpoint | None:
        """Own a checkpoint, if nobody who lives does.

        Args:
            seen: The checkpoint as it stands.

        Returns:
            The checkpoint as its owner has it; None while it is another's.
        """
        if seen.owner == self.name:
            return seen
        if seen.owner != NOBODY and not self._lifeless(seen):
            return None
        try:
            return await self._checkpoints.claim(seen, self.name)
        except CheckpointMoved:
            return None

    async def give_back(self, name: str) -> None:
        """Own a checkpoint no longer."""
        await self._checkpoints.release(self.name, [name])

    def _lifeless(self, seen: Checkpoint) -> bool:
        mark = seen.owner, seen.token, seen.beat, seen.position
        known = self._seen.get(seen.name)
        if known is None or known[0] != mark:
            self._seen[seen.name] = mark, self._now()
            return False
        return self._now() - known[1] >= self._lease
