"""Virtual time: an event loop whose clock jumps to the next timer when there is nothing to do; clocks beside it."""

import asyncio
import selectors
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everything waits, and no timer is set")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs timers in their order and at their time, without waiting."""

    def __init__(self) -> None:
        self.selector = _Jumping()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now


class LoopClock:
    """The clock of the running loop, some seconds off, as two clocks are."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + 1000

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.monotonic(), UTC)


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self, time: float = 1000.0) -> None:
        self.time = time

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run something in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


async def settle() -> None:
    """Let everything run that can without time passing."""
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def silent_redis() -> AsyncGenerator[str]:
    """The address of a server that takes connections and never answers."""
    never = asyncio.Event()

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        never.set()
        server.close()
        await server.wait_closed()


def by_type(settings: Mapping[type, T]) -> Callable[[type], T | None]:
    """Settings as the parts ask for them."""
    return settings.get
