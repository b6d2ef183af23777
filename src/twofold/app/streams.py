"""Streams of an application, for whoever looks after it: what they hold, what they had come to, and their end.

The command line does it, with the stores open and nothing running; an application may run meanwhile, here or elsewhere.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from twofold.aggregates import AsOf, facts_of
from twofold.app._aggregates import aggregates_of, entities_of
from twofold.app._app import App
from twofold.app._archive import Archive, ArchiveWriter, read_archive
from twofold.app._whose import NobodysStream, keeper_of, keepers_of
from twofold.clock import new_id
from twofold.dispatch import Decider
from twofold.errors import Conflict, NotFound, Refused, StreamClosed, WiringError
from twofold.store import CLOSED, AuditSearch, ClosableStore, Closing, Recorded, Snapshot, Store, foundation

__all__ = [
    "Archive",
    "Archived",
    "NobodysStream",
    "StreamState",
    "archive",
    "archived_digest",
    "entries",
    "read_archive",
    "state_of",
    "tombstone",
]

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A stream that was archived.

    Args:
        closing: How it ended.
        file: Where its events are.
        sha256: The SHA-256 of that, which the entry in the audit trail has too, in hexadecimal digits.
    """

    closing: Closing
    file: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """What a stream has come to.

    Args:
        keeper: What the aggregate or decider is called that keeps its state there.
        version: The version that it was at: how many events the log had of it, those that are passed over included.
        state: The state, or the aggregate.
        snapshot: The snapshot that is kept beside the stream; None when there is none, or the state is of the past.
    """

    keeper: str
    version: int
    state: Any
    snapshot: Snapshot | None


async def entries(app: App, stream: str, *, after: int = 0, as_of: AsOf | None = None) -> AsyncIterator[Recorded]:
    """The events of a stream as the log has them, in order.

    Args:
        app: The application; its stores are open.
        stream: The stream.
        after: The version to start behind.
        as_of: The moment up to which they are told; all of them unless given.

    Raises:
        NotFound: It has none, or had none then.
        StreamClosed: They have left the log.
    """
    found = False
    async for entry in _pages(app.store, stream, after):
        if as_of is not None and not as_of.covers(entry):
            break
        found = True
        yield entry
    if found:
        return
    first = await app.store.log.read_stream(stream, limit=1)
    if not first:
        await _refuse_closed(app, stream)
        raise _missing(stream)
    if as_of is not None and not as_of.covers(first[0]):
        raise _nothing(stream, as_of)


async def state_of(app: App, stream: str, *, as_of: AsOf | None = None, keeper: str | None = None) -> StreamState:
    """What a stream has come to, as of a moment.

    Args:
        app: The application; its stores are open.
        stream: The stream.
        as_of: When; now unless given.
        keeper: Who keeps state there, where its name does not say so: the name of a class of aggregates, or of the
            function that decides.

    Raises:
        NobodysStream: It is not known who keeps state there.
        NotFound: There was nothing.
        StreamClosed: Its events have left the log.
    """
    aggregates = aggregates_of(app.router.handlers(), app.assembly.injection)
    entities = entities_of(app.router.handlers(), app.assembly.injection)
    deciders = [one.decider for module in app.modules for one in module.deciders]
    owner = keeper_of(stream, keepers_of(aggregates, deciders), keeper, entities)
    facts, version = await facts_of(stream, app.store.log, app.router.catalogue, as_of)
    if version and not facts:
        raise NotFound(f"stream {stream!r} has {version} events{_then(as_of)}, and none of them is one of today's")
    if not facts:
        await _refuse_closed(app, stream)
        raise _nothing(stream, as_of)
    events = (fact.event for fact in facts)
    folded = owner.what.fold(events) if isinstance(owner.what, Decider) else owner.what.rebuild(events)
    snapshot = await app.store.find_snapshot(stream) if as_of is None else None
    return StreamState(keeper=owner.name, version=version, state=folded, snapshot=snapshot)


async def archive(app: App, stream: str, file: Path, *, user_id: str | None = None) -> Archived:
    """Close a stream for good, once its events are in a file: what is personal in them as it is encrypted in the log.

    Whatever goes wrong before the stream is closed, the log has it all, and the file is taken away again. When the
    answer to the closing does not come, the file is kept, and the log tells whether it has happened.

    Args:
        app: The application; its stores are open.
        stream: The stream.
        file: Where to; there must be nothing yet.
        user_id: Who has asked for it, for the audit trail.

    Raises:
        NotFound: It has no events.
        StreamClosed: It was closed before.
        VersionConflict: Somebody has appended to it meanwhile.
        Exists: There is such a file.
    """
    closable = _closable(app.store)
    log_store = foundation(app.store)
    await _refuse_empty(app, stream)
    writer = await asyncio.to_thread(ArchiveWriter, file, stream)
    try:
        version = 0
        with writer:
            async for entry in _pages(log_store, stream, 0):
                await asyncio.to_thread(writer.add, entry)
                version = entry.version
            digest = await asyncio.to_thread(writer.finish)
        closing = Closing(stream=stream, version=version, how="archived", time=app.clock.now())
    except BaseException:
        await asyncio.to_thread(file.unlink)
        raise
    try:
        await closable.close_stream(closing, closing.entry_of(user_id, new_id(), digest))
    except (Conflict, Refused):
        await asyncio.to_thread(file.unlink)
        raise
    return Archived(closing=closing, file=file, sha256=digest)


async def archived_digest(app: App, stream: str) -> str:
    """The SHA-256 of the file that a stream was archived in, as the audit trail has it, in hexadecimal digits.

    Args:
        app: The application; its stores are open.
        stream: The stream.

    Raises:
        NotFound: The trail tells of no archive of it: it was pruned, or is that of another database.
    """
    trail, after = foundation(app.store).audit, 0
    while page := await trail.find(AuditSearch(message=CLOSED), after=after, limit=_PAGE):
        for entry in page:
            told = from_json(entry.payload)
            if told["stream"] == stream and "sha256" in told:
                return str(told["sha256"])
        after = page[-1].number
    raise NotFound(f"the audit trail tells of no archive of stream {stream!r}")


async def tombstone(app: App, stream: str, *, user_id: str | None = None) -> Closing:
    """Close a stream for good, and keep its events nowhere.

    Args:
        app: The application; its stores are open.
        stream: The stream.
        user_id: Who has asked for it, for the audit trail.

    Raises:
        NotFound: It has no events.
        StreamClosed: It was closed before.
        VersionConflict: Somebody has appended to it meanwhile.
    """
    closable = _closable(app.store)
    await _refuse_empty(app, stream)
    version = 0
    async for entry in _pages(foundation(app.store), stream, 0):
        version = entry.version
    closing = Closing(stream=stream, version=version, how="tombstoned", time=app.clock.now())
    await closable.close_stream(closing, closing.entry_of(user_id, new_id()))
    return closing


async def _pages(store: Store, stream: str, after: int) -> AsyncIterator[Recorded]:
    while True:
        page: Sequence[Recorded] = await store.log.read_stream(stream, after=after, limit=_PAGE)
        for entry in page:
            yield entry
        if len(page) < _PAGE:
            return
        after = page[-1].version


async def _refuse_empty(app: App, stream: str) -> None:
    if not await foundation(app.store).log.read_stream(stream, limit=1):
        await _refuse_closed(app, stream)
        raise _missing(stream)


async def _refuse_closed(app: App, stream: str) -> None:
    store = foundation(app.store)
    if isinstance(store, ClosableStore) and await store.find_closing(stream) is not None:
        raise StreamClosed(stream=stream)


def _missing(stream: str) -> NotFound:
    return NotFound(f"there is no stream {stream!r}")


def _nothing(stream: str, as_of: AsOf | None) -> NotFound:
    return NotFound(f"stream {stream!r} has no events{_then(as_of)}")


def _then(as_of: AsOf | None) -> str:
    return "" if as_of is None else f" as of {as_of}"


def _closable(store: Store) -> ClosableStore:
    closable = foundation(store)
    if not isinstance(closable, ClosableStore):
        raise WiringError(f"no stream of a {type(closable).__qualname__} can be closed")
    return closable
