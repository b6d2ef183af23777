"""Replaying commands: each as it was sent, on the log as it was before it, with what it then and now came to."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context as ContextVars
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

from twofold.app._app import App
from twofold.app._audit import Audit
from twofold.app._auditing import audit_keys
from twofold.app._stores import Stores
from twofold.app.replay._changes import EventChange, changes
from twofold.app.replay._command import rebuilt
from twofold.app.replay._copy import Copy
from twofold.app.replay._past import past_of
from twofold.app.replay._twin import Twin, twin_of
from twofold.clock import SystemClock, new_id
from twofold.messages import Context, Origin
from twofold.store import (
    CRASHED,
    SUCCESS,
    AuditEntry,
    Log,
    ReadableStore,
    Recorded,
    RevealingStore,
    Store,
    ended_as,
    foundation,
)

_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a command came to, then and now.

    Args:
        entry: What the trail has of it.
        position: Where the log was cut: what is behind did not happen yet.
        outcome: How it ended now, in the words of the trail.
        code: The code of its error now.
        error: What that says; empty when there is none.
        crash: What its handler raised now, when nobody has classified that.
        events: What became of its events.
        notes: What the copy could not do as it was.
    """

    entry: AuditEntry
    position: int
    outcome: str
    code: str
    error: str
    crash: Exception | None
    events: tuple[EventChange, ...]
    notes: tuple[str, ...]

    @property
    def same_outcome(self) -> bool:
        """Whether it ended as it did then."""
        return (self.outcome, self.code) == (self.entry.outcome, self.entry.code)

    @property
    def same(self) -> bool:
        """Whether it came to what it did then: the same outcome, and the same events."""
        return self.same_outcome and all(one.state == "same" for one in self.events)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the payload, ready for JSON."""
        entry = self.entry
        return {
            "number": entry.number,
            "message": entry.message,
            "message_id": str(entry.message_id),
            "user_id": entry.user_id,
            "tenant": entry.tenant,
            "time": entry.time.isoformat(),
            "position": self.position,
            "same": self.same,
            "then": {"outcome": entry.outcome, "code": entry.code},
            "now": {"outcome": self.outcome, "code": self.code, "error": self.error},
            "events": [asdict(one) for one in self.events],
            "notes": list(self.notes),
        }


@final
class Replays:
    """Replays commands of one application; see `replaying`.

    Args:
        app: The application.
        source: Where its log and its trail are.
        copy: Makes throw-away copies.
        given: What was secret in the commands, by path.
        typed: More of that as somebody has typed it.
        allowed: What may be called though it may have effects, by name.
    """

    def __init__(
        self,
        app: App,
        source: Store,
        copy: Copy,
        given: Mapping[str, Any],
        typed: Mapping[str, str],
        allowed: Collection[str],
    ) -> None:
        self.audit = Audit(source, app.clock, audit_keys)
        self._app = app
        self._source = source
        self._copy = copy
        self._given, self._typed = given, typed
        self._allowed = allowed

    async def of(self, entry: AuditEntry) -> Replay:
        """Replay a command.

        Args:
            entry: What the trail has of it.

        Raises:
            RedactedFields: It had secrets that are not given.
            EffectsRefused: It would call what may have effects elsewhere, and is not allowed.
            AnsweredByKey: It was answered by its key, and never handled.
            SentInside: It is a part of another one.
            EventsGone: What it has recorded has left the log.
            UnknownMessage: No command is called that any more.
            Undecodable: It does not fit its class any more.
            Refused: It cannot be replayed for another reason, which is told.
        """
        app, source = self._app, self._source
        entry = await self.audit.reveal(entry)
        command = rebuilt(entry, app.router.catalogue, self._given, self._typed)
        past = await past_of(entry, source.audit, self.audit, source.log)
        since = SystemClock().now()
        async with self._copy.at(past.position) as store:
            twin = twin_of(app, store, entry.time, self._allowed)
            before = await twin.store.log.head()
            try:
                outcome, code, error, crash = await _handled(twin, entry, command)
            finally:
                await twin.settings.injection.close()
            if twin.refused:
                raise twin.refused[0]
            now = await _behind(before, twin.store.log)
        notes = [*self._copy.notes, *_notes(entry, app)]
        return Replay(
            entry=entry,
            position=past.position,
            outcome=outcome,
            code=code,
            error=error,
            crash=crash,
            events=changes(past.events, now, since),
            notes=tuple(notes),
        )


@asynccontextmanager
async def replaying(
    app: App,
    *,
    given: Mapping[str, Any] | None = None,
    typed: Mapping[str, str] | None = None,
    allowed: Collection[str] = (),
) -> AsyncGenerator[Replays]:
    """Open an application's databases for reading only, to replay its commands against throw-away copies.

    It may be running, here or elsewhere. A store in memory has to: nobody else could open it.

    Args:
        app: The application.
        given: What was secret in the commands and is missing in the trail, by path: `password`, `cards.0.number`.
        typed: More of that as somebody has typed it: a text stands as it is, anything else is JSON.
        allowed: Dependencies and middleware that may be called though they may have effects, by name.

    Raises:
        StartError: The application is not sound.
        StoreUnavailable: A database cannot be opened.

    Example:
        >>> async with replaying(app, given={"password": "..."}) as replays:
        ...     replay = await replays.of(await replays.audit.get(message_id))
        >>> replay.same
        True
    """
    assembly, stores = app.assembly, app.stores
    write = _only_reading(stores.write)
    sources = Stores(write=write, read=_only_reading(stores.read) if stores.apart else write)
    async with AsyncExitStack() as closing:
        if write is not stores.write:
            await sources.start()
            closing.push_async_callback(sources.stop)
        folder = closing.enter_context(TemporaryDirectory(prefix="twofold-replay-"))
        yield Replays(app, write, Copy(Path(folder), sources, assembly), given or {}, typed or {}, allowed)


async def _handled(twin: Twin, entry: AuditEntry, command: Any) -> tuple[str, str, str, Exception | None]:
    """Outcome, code, error and crash of a command, sent by whom it was sent and when."""
    origin = Origin(
        correlation_id=entry.correlation_id,
        causation_id=entry.causation_id,
        user_id=entry.user_id,
        tenant=entry.tenant,
        source=entry.source,
        replay=True,
    )
    context = Context(origin, None, twin.clock, new_id, entry.message_id)
    (handler,) = twin.router.handlers(twin.router.catalogue.named(entry.message).cls)
    delivered = twin.router.deliver(handler, command, context)
    try:
        # In nobody's context: whatever message is being handled here, this one has nothing to do with it.
        result = await asyncio.create_task(delivered, context=ContextVars())
    except Exception as error:  # noqa: BLE001  # a crash is what the replay is about: it is told
        return CRASHED, type(error).__qualname__, str(error), error
    if result.is_success:
        return SUCCESS, "", "", None
    return *ended_as(result.error, twin.settings.classifier), str(result.error), None


async def _behind(position: int, log: Log) -> list[Recorded]:
    found, head = list[Recorded](), await log.head()
    while position < head:
        page = await log.read(position, until=head, limit=_PAGE)
        found.extend(page)
        position = page[-1].position if len(page) == _PAGE else head
    return found


def _notes(entry: AuditEntry, app: App) -> list[str]:
    notes: list[str] = []
    version = app.router.catalogue.named(entry.message).wire.version
    if version != entry.version:
        notes.append(f"it was sent as version {entry.version}, and is version {version} now")
    if entry.outcome in ("forbidden", "unauthenticated"):
        notes.append("policies are not replayed: the trail does not say who had which roles")
    return notes


def _only_reading(store: Store) -> Store:
    if isinstance(store, RevealingStore):
        kept = foundation(store)
        reading = _only_reading(kept)
        return store if reading is kept else store.in_front_of(reading)
    return store.read_only() if isinstance(store, ReadableStore) else store
