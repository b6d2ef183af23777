"""A bench: what is worked at there begins, and comes to one end, whatever becomes of its process."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from twofold import App, Command, Event, EventBus, Lifecycle, Module


@dataclass(frozen=True, kw_only=True)
class Work(Command[str]):
    """Make something."""

    name: str


@dataclass(frozen=True, kw_only=True)
class WorkAttempted(Event):
    name: str


@dataclass(frozen=True, kw_only=True)
class WorkSucceeded(Event):
    name: str


@dataclass(frozen=True, kw_only=True)
class WorkFailed(Event):
    label: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Made(Event):
    """What the work changes."""

    name: str


def work_failed(command: Work, reason: str) -> WorkFailed:
    """An event with a field that the beginning of the attempt has not."""
    return WorkFailed(label=f"the {command.name}", reason=reason)


LIFECYCLE = Lifecycle(attempted=WorkAttempted, succeeded=WorkSucceeded, failed=work_failed)


class Bench:
    """An application, and what its handler waits for.

    Args:
        wait: What the handler waits for before it changes anything; a gate, which is open, unless given.
        lifecycle: What is told of the work.
    """

    def __init__(self, wait: Callable[[], Awaitable[Any]] | None = None, lifecycle: Lifecycle = LIFECYCLE) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.started = asyncio.Event()
        self._wait = wait or self.gate.wait
        self.module = Module("bench")
        self.module.events(Made)
        self.module.register(Work, self.work, lifecycle=lifecycle)

    def app(self, database: Any = None, **settings: Any) -> App:
        """The application."""
        return App("bench", modules=[self.module], database=database or "memory:", **settings)

    async def work(self, command: Work, events: EventBus) -> str:
        """Make it, when it may."""
        self.started.set()
        await self._wait()
        (await events.publish(Made(name=command.name))).unwrap()
        return "made"


async def told(app: App) -> list[str]:
    """The log, in a few words for each event."""
    entries = await app.store.log.read(0, until=await app.store.log.head(), limit=10_000)
    events = [app.router.catalogue.named(entry.type).decode(entry.data) for entry in entries]
    return [
        f"failed {one.label}: {one.reason}"
        if isinstance(one, WorkFailed)
        else f"{type(one).__name__.removeprefix('Work').lower()} {one.name}"
        for one in events
    ]


async def lengths(app: App) -> Counter[int]:
    """How many attempts there are, by how many events each of them has."""
    entries = await app.store.log.read(0, until=await app.store.log.head(), limit=10_000)
    attempts = Counter(one.stream for one in entries if one.stream.startswith("twofold-attempt-"))
    return Counter(attempts.values())


async def ended(app: App) -> None:
    """Return once every attempt has an end."""
    async with asyncio.timeout(30):
        while 1 in await lengths(app):
            await app.store.wakeup.wait(await app.store.log.head(), 0.5)
