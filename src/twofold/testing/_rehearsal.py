"""One run of an application for a test: what was before, one message, and all that comes of it, whatever happens."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, final
from uuid import UUID
from weakref import WeakSet

from twofold.app import App
from twofold.clock import Clock
from twofold.errors import OutcomeUnknown, StoreUnavailable, WiringError, open_module
from twofold.messages import Kind, Principal
from twofold.result import Result
from twofold.store import Log, Recorded, RevealingStore
from twofold.testing._faults import Fault, FaultyStore, is_death
from twofold.testing._fresh import settle, store_in
from twofold.testing._streams import Streams, reordered

T = TypeVar("T")

_PAGE = 1000
_rehearsed = WeakSet[App]()
"""Those that run for one test alone: nobody else may take them as they are."""


@final
class Rehearsal:
    """An application that runs.

    Args:
        app: The application.
        store: What happens to it; None for nothing.
        fault: The same, by its name.
    """

    def __init__(self, app: App, store: FaultyStore | None, fault: Fault | None) -> None:
        self._app = app
        self._store = store
        self._fault = fault
        self._given: set[UUID] = set()
        self._begin = 0

    async def begin(self, before: Sequence[object], principal: Principal | None) -> None:
        """Let the application have a past.

        Args:
            before: Events, which are recorded; commands, which are executed.
            principal: Who has sent the commands.

        Raises:
            WiringError: One of them is neither, or a command is refused.
        """
        self._begin, seen = await self._whole_log.head(), 0
        streams, events = Streams(self._app), list[tuple[str, object]]()
        for one in before:
            if self._app.router.kind_of(type(one)) is Kind.EVENT:
                if not events:
                    seen = await self._see(streams, seen)
                events.append((streams.of(one), one))
                continue
            await self._record(events)
            events.clear()
            caller = self._app.caller(principal=principal, idempotency_key=secrets.token_hex(8))
            result = await caller.execute(one)
            if result.is_failure:
                raise WiringError(f"{one!r} is given, and was refused: {result.error!r}")
        await self._record(events)
        self._given |= {entry.id for entry in await self._entries(self._begin)}
        if self._store is not None:
            self._store.armed = True
            if self._fault is not Fault.DELAY:
                self._store.appear()

    def asks(self, message: object | None) -> bool:
        """Whether a message is a query."""
        return message is not None and self._app.router.kind_of(type(message)) is Kind.QUERY

    async def execute(self, message: object, **who: Any) -> Result[Any, Any]:
        """Execute the message, again and again where the process dies over it."""
        if self.asks(message):
            await self.settle()
        if self._fault is not None:
            who["idempotency_key"] = who.get("idempotency_key") or secrets.token_hex(8)
        result = await self._send(message, who)
        if self._fault is Fault.DUPLICATE:
            await self._send(message, who)
        return result

    async def settle(self) -> None:
        """Wait until nothing is left to do, over crashes."""
        if self._store is not None:
            self._store.appear()
        while True:
            crashed, _ = await self._until_crash(settle(self._app))
            if not crashed:
                return

    async def events(self) -> list[Any]:
        """The events that were not given, in the order of the log."""
        catalogue = self._app.router.catalogue
        news = [entry for entry in await self._entries(self._begin) if entry.id not in self._given]
        return [catalogue.named(entry.type).decode(entry.data) for entry in news]

    async def rows(self, tables: Sequence[type]) -> Mapping[type, Sequence[object]]:
        """All rows of some tables, as instances of their mapped classes."""
        if not tables:
            return {}
        sql, alchemy = open_module("twofold.sql", extra="sql"), open_module("sqlalchemy", extra="sql")
        async with self._app.assembly.injection.services() as scope:
            session = await scope.get(sql.ReadSession)
            return {table: (await session.scalars(alchemy.select(table))).all() for table in tables}

    async def _record(self, events: Sequence[tuple[str, object]]) -> None:
        unit = self._app.new_unit(self._app.router.context())
        if self._fault is Fault.REORDER:
            events = reordered(events, self._tags)
        for stream, event in events:
            unit.append(stream, event)
        await unit.commit()

    def _tags(self, event: object) -> Sequence[str]:
        return self._app.router.catalogue.of(type(event)).tags(event)

    async def _send(self, message: object, who: Mapping[str, Any]) -> Result[Any, Any]:
        while True:
            caller = self._app.caller(**who).at("test")
            crashed, result = await self._until_crash(caller.execute(message))
            lost = result is None or isinstance(result.error, StoreUnavailable | OutcomeUnknown)
            if result is not None and not (crashed and lost):
                return result

    async def _until_crash(self, work: Coroutine[Any, Any, T]) -> tuple[bool, T | None]:
        """Whether the process died over some work, and what came of it, if anybody heard."""
        if self._store is None:
            return False, await work
        doing, crash = asyncio.ensure_future(work), asyncio.ensure_future(self._store.crashed.wait())
        try:
            await asyncio.wait({doing, crash}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            crash.cancel()
            if not doing.done():
                doing.cancel()
                await asyncio.wait({doing})
        if not self._store.crashed.is_set():
            return False, doing.result()
        await self._app.stop()
        await self._app.start()
        return True, None if doing.cancelled() or doing.exception() else doing.result()

    @property
    def _whole_log(self) -> Log:
        """The log, late or not."""
        if self._store is None:
            return self._app.store.log
        kept, read = self._store.behind.log, self._app.store
        return read.reading(kept) if isinstance(read, RevealingStore) else kept

    async def _see(self, streams: Streams, after: int) -> int:
        """Let those who ask for streams know what is in the log; up to where."""
        entries = await self._entries(after)
        for entry in entries:
            streams.see(entry.stream, self._app.router.catalogue.named(entry.type).decode(entry.data))
        return entries[-1].position if entries else after

    async def _entries(self, after: int) -> list[Recorded]:
        log, entries = self._whole_log, list[Recorded]()
        head = await log.head()
        while page := await log.read(after, until=head, limit=_PAGE):
            entries.extend(page)
            after = page[-1].position
        return entries


@asynccontextmanager
async def rehearsing(
    app: App, *, clock: Clock | None, fault: Fault | None, instead: Mapping[Any, object] | None
) -> AsyncGenerator[Rehearsal]:
    """Run an application on an empty database for a block; one that runs already is taken as it is.

    Raises:
        WiringError: It runs already, and is to be something else; or another test runs it for itself at this moment.
    """
    if app in _rehearsed:
        share = "or run it once for all of them: async with fresh(app)"
        raise WiringError(f"{app.name} is run by another given(...) at this moment: await one after the other, {share}")
    if app.running:
        if clock is not None or fault is not None or instead:
            raise WiringError(f"{app.name} is running: clock, fault and instead are for one that is not")
        yield Rehearsal(app, None, None)
        return
    with TemporaryDirectory(prefix="twofold-") as folder:
        store = FaultyStore(lambda: store_in(folder), fault)
        _rehearsed.add(app)
        try:
            with app.elsewhere(store, clock=clock, instead=instead), _deaths_unheard():
                async with app:
                    yield Rehearsal(app, store, fault)
        finally:
            _rehearsed.discard(app)


@contextmanager
def _deaths_unheard() -> Generator[None]:
    """Keep from the event loop what a process that has died could not write: nothing would be there to say so."""
    running = asyncio.get_running_loop()
    heard = running.get_exception_handler()

    def hear(loop: asyncio.AbstractEventLoop, said: dict[str, Any]) -> None:
        if is_death(said.get("exception")):
            return
        if heard is None:
            loop.default_exception_handler(said)
        else:
            heard(loop, said)

    running.set_exception_handler(hear)
    try:
        yield
    finally:
        running.set_exception_handler(heard)
