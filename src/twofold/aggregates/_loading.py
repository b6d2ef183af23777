"""Folding the events of a stream: all of them, or those behind a snapshot."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

from twofold.aggregates._aggregate import Aggregate
from twofold.aggregates._snapshots import Loaded
from twofold.aggregates._state import state_codec
from twofold.errors import WiringError
from twofold.messages import Catalogue, Event
from twofold.store import (
    Recorded,
    Snapshot,
    Store,
    Stored,
    UnitOfWork,
    decode_events,
    read_from_snapshot,
    read_stored,
)

A = TypeVar("A", bound=Aggregate)
S = TypeVar("S", bound=Stored)

_Pages: TypeAlias = Callable[..., Awaitable[Sequence[S]]]

_PAGE = 1000
_log = logging.getLogger("twofold.snapshots")


async def load(
    kind: type[A], stream: str, unit: UnitOfWork, store: Store, catalogue: Catalogue
) -> tuple[A | None, int]:
    """An aggregate, None when its events come to nothing; and the version of its stream.

    Args:
        kind: Its class, which may say when a snapshot of it is due.
        stream: Its stream.
        unit: Keeps a snapshot.
        store: Where its events are.
        catalogue: What decodes them.
    """
    if kind.snapshots is None:
        events, last, _ = await _read(partial(read_stored, store.log, stream), catalogue)
        version = 0 if last is None else last.version
        return kind.rebuild(events, version=version), version
    began = unit.clock.monotonic()
    read = partial(store.log.read_stream, stream)
    start, last, page = await _start(kind, stream, store)
    events, newest, count = await _read(read, catalogue, page, after=0 if last is None else last.version)
    last = newest or last
    if last is None:
        return None, 0
    found = kind.rebuild(events, version=last.version, start=start)
    if found is not None and count and kind.snapshots(Loaded(count, events, unit.clock.monotonic() - began)):
        _keep(found, stream, last, unit)
    return found, last.version


def _keep(found: Aggregate, stream: str, last: Recorded, unit: UnitOfWork) -> None:
    """Keep a snapshot; one that cannot be taken costs time, and no command."""
    codec = state_codec(type(found))
    try:
        state = codec.write(found)
    except WiringError as error:
        _log.log(logging.DEBUG if codec.refused else logging.WARNING, "no snapshot of %s is kept: %s", stream, error)
        codec.refused = True
    else:
        unit.keep_snapshot(Snapshot(stream, last.version, last.id, codec.schema, state))


async def _start(
    kind: type[A], stream: str, store: Store
) -> tuple[A | None, Recorded | None, Sequence[Recorded] | None]:
    """What a snapshot says, the entry of its last event, and the first page behind it; None when anything is amiss."""
    snapshot, page = await read_from_snapshot(store, stream, limit=_PAGE + 1)
    if snapshot is None:
        return None, None, page
    codec = state_codec(kind)
    if snapshot.is_erased or snapshot.schema != codec.schema:
        return None, None, None
    entry = page[0] if page else None
    state = codec.read(snapshot.state)
    if state is None or entry is None or (entry.version, entry.id) != (snapshot.version, snapshot.event_id):
        what = "its state cannot be read" if state is None else "the stream has another event there"
        _log.warning("the snapshot of %s at version %d is not used: %s", stream, snapshot.version, what)
        return None, None, None
    aggregate = kind()
    vars(aggregate).update(state)
    return aggregate, entry, page[1:]


async def _read(
    read: _Pages[S], catalogue: Catalogue, page: Sequence[S] | None = None, *, after: int = 0
) -> tuple[Sequence[Event], S | None, int]:
    """The events of a stream behind a version, the entry of the last one, and how many entries there are.

    Args:
        read: Reads a page of its entries.
        catalogue: What decodes them.
        page: The first page, if it was read before.
        after: The version.
    """
    events: list[Event] = []
    last: S | None = None
    count = 0
    while True:
        if page is None:
            page = await read(after=after + count, limit=_PAGE)
        events += decode_events(catalogue, page)
        count += len(page)
        if page:
            last = page[-1]
        if len(page) < _PAGE:
            return events, last, count
        page = None
