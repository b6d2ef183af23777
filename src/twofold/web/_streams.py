"""How many streams are open and how long they wait; and the places of those that are.

A stream keeps a connection for as long as its client likes, so there is a bound for each client and for all of them.
"""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Final, final

from twofold.errors import RateLimited, Unavailable, WiringError

_COME_AGAIN: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """The settings of streams; `app.http(streams=Streams(...))`.

    Args:
        most: How many may be open in this process.
        per_client: How many of those one user may have, or one address where nobody is known.
        heartbeat: After how many seconds without an event a client is told that the stream lives, and whoever sees it
            is asked again who they are and whether they may.
        pause: How many seconds there are at least from one look at the log to the next.
        patience: For how many seconds a client may take nothing of what is sent; then it is given up.

    Raises:
        WiringError: One of these is not above 0.
    """

    most: int = 1000
    per_client: int = 10
    heartbeat: float = 15.0
    pause: float = 0.1
    patience: float = 30.0

    def __post_init__(self) -> None:
        wrong = [f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if not getattr(self, one.name) > 0]
        if wrong:
            raise WiringError(f"streams need numbers above 0, and there is {', '.join(wrong)}")


@final
class OpenStreams:
    """The streams that are open.

    Args:
        settings: How many there may be.
    """

    def __init__(self, settings: Streams) -> None:
        self.settings = settings
        self._open: set[asyncio.Event] = set()
        self._of_clients = Counter[str]()
        self.draining = False
        """Whether the process is about to stop."""

    @contextmanager
    def place(self, client: str) -> Generator[asyncio.Event]:
        """Have a place for a block, with what tells that the stream is to end.

        Args:
            client: Whose it is.

        Raises:
            RateLimited: The client has as many as it may have.
            Unavailable: There is no place for anybody, or the process is about to stop.
        """
        if self.draining:
            raise about_to_stop()
        if self._of_clients[client] >= self.settings.per_client:
            rate = f"{self.settings.per_client} at once"
            raise RateLimited(name="what one client has open", rate=rate, retry_after=_COME_AGAIN)
        if len(self._open) >= self.settings.most:
            raise Unavailable("no more streams can be opened here", retry_after=_COME_AGAIN)
        ended = asyncio.Event()
        self._open.add(ended)
        self._of_clients[client] += 1
        try:
            yield ended
        finally:
            self._open.discard(ended)
            self._of_clients[client] -= 1
            if not self._of_clients[client]:
                del self._of_clients[client]

    def begin(self) -> None:
        """Let streams be opened: the application starts."""
        self.draining = False

    def drain(self) -> None:
        """End every stream, and let no other one be opened: the process is about to stop. In its event loop."""
        self.draining = True
        for ended in self._open:
            ended.set()


def about_to_stop() -> Unavailable:
    """What is said to whoever comes too late, or cannot be waited for any more."""
    return Unavailable("this process is about to stop", retry_after=_COME_AGAIN)
