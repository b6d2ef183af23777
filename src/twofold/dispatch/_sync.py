"""The blocking faces of the buses, for scripts, Django and Flask.

Work runs in the loop of the application while that is running, else in a loop of its own in a daemon thread.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias, TypeVar, overload

from twofold.errors import TwofoldError, WiringError
from twofold.messages import Command, Origin, Query
from twofold.result import Result

R = TypeVar("R")
E = TypeVar("E")
T = TypeVar("T")

Sender: TypeAlias = Callable[..., Coroutine[Any, Any, Result[Any, Any]]]


class _Thread(threading.local):
    """What is known of a thread."""

    is_waited_for = False


_thread = _Thread()


def never_waits() -> None:
    """Say of this thread that messages may need it to be handled, so that nothing in it may wait for one."""
    _thread.is_waited_for = True


class Portal:
    """An event loop lent to code that cannot await."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own: asyncio.AbstractEventLoop | None = None
        self._adopted: asyncio.AbstractEventLoop | None = None

    def adopt(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Use the loop of a running application, until given None."""
        self._adopted = loop

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine to its end and give what it returns.

        Raises:
            WiringError: This thread has a running event loop, so it can await; or it is one of a store, where a `def`
                runs whole that has a session, and whatever is waited for may need it.
        """
        if _thread.is_waited_for:
            raise WiringError(_BUSY)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise WiringError("an event loop is running in this thread: await the bus instead of using .sync")
        return asyncio.run_coroutine_threadsafe(work(), self._adopted or self._loop()).result()

    def close(self) -> None:
        """Stop the own loop, if there is one."""
        with self._lock:
            loop, self._own = self._own, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._own is None:
                self._own = asyncio.new_event_loop()
                threading.Thread(target=_serve, args=(self._own,), name="twofold-sync", daemon=True).start()
            return self._own


_BUSY: Final = (
    "a def with a session runs whole where that is, and what it sends may need the same place: make it an async def,"
    " and await the bus; events are recorded by the UnitOfWork"
)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


class SyncCommandBus:
    """A command bus that blocks."""

    def __init__(self, execute: Sender, portal: Portal) -> None:
        self._execute = execute
        self._portal = portal

    @overload
    def execute(self, command: Command[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    def execute(self, command: object, *, origin: Origin | None = None) -> Result[Any, Any]: ...
    def execute(self, command: object, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Execute a command, and wait for its answer."""
        return self._portal.run(lambda: self._execute(command, origin=origin))


class SyncQueryBus:
    """A query bus that blocks."""

    def __init__(self, execute: Sender, portal: Portal) -> None:
        self._execute = execute
        self._portal = portal

    @overload
    def execute(self, query: Query[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    def execute(self, query: object, *, origin: Origin | None = None) -> Result[Any, Any]: ...
    def execute(self, query: object, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Execute a query, and wait for its answer."""
        return self._portal.run(lambda: self._execute(query, origin=origin))


class SyncEventBus:
    """An event bus that blocks."""

    def __init__(self, publish: Sender, portal: Portal) -> None:
        self._publish = publish
        self._portal = portal

    def publish(
        self, event: object, *, origin: Origin | None = None, survive: bool = False
    ) -> Result[None, TwofoldError]:
        """Publish an event, and wait until it is recorded."""
        return self._portal.run(lambda: self._publish(event, origin=origin, survive=survive))


class SyncDispatcher:
    """A dispatcher that blocks."""

    def __init__(self, dispatch: Sender, portal: Portal) -> None:
        self._dispatch = dispatch
        self._portal = portal

    @overload
    def dispatch(self, message: Command[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    def dispatch(self, message: Query[R, E], *, origin: Origin | None = None) -> Result[R, E | TwofoldError]: ...
    @overload
    def dispatch(self, message: object, *, origin: Origin | None = None) -> Result[Any, Any]: ...
    def dispatch(self, message: object, *, origin: Origin | None = None) -> Result[Any, Any]:
        """Dispatch a message, and wait for its answer."""
        return self._portal.run(lambda: self._dispatch(message, origin=origin))
