"""Erasing a subject: the key of their data is destroyed, the log tells of it, and what that covers is reported.

The key comes first: whatever fails behind it, nobody reads the data any more, and erasing again brings the rest.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final, cast

from twofold.app._app import App
from twofold.app._erasure import Erasure, InPlainText
from twofold.app._plain import PlainText
from twofold.app._room import open_room
from twofold.app._subjects import misread
from twofold.errors import NotFound, VersionConflict, WiringError
from twofold.messages import Kind, Origin, SubjectErased
from twofold.projections import Projection, Writer
from twofold.store import (
    IF_INTERRUPTED,
    About,
    AuditSearch,
    Log,
    Record,
    Recorded,
    RevealingStore,
    Selection,
    Store,
    Trace,
    foundation,
    working,
)

if TYPE_CHECKING:
    from uuid import UUID

    from twofold.personal import PersonalStore

__all__ = ["ERASE", "Erasure", "InPlainText", "erase", "followers"]

ERASE: Final = "twofold.erase"
"""What the entry in the audit trail is called that tells of an erasure."""

_PAGE: Final = 1000
_MOST: Final = 1_000_000


async def erase(app: App, subject: str, *, user_id: str | None = None) -> Erasure:
    """Destroy the key of a subject for good, tell it in the log, and look for what that covers.

    Args:
        app: The application; its stores are open.
        subject: `customer:7f3`, as `Subject` marks it.
        user_id: Who has asked for it, for the audit trail.

    Raises:
        NotFound: The application has no personal data of such a kind, or the id can be nobody's.
        StoreUnavailable: The keys cannot be reached: it may have to be done again.
        WiringError: The application keeps no keys.
    """
    kind, _, name = subject.partition(":")
    known = _kinds(app)
    if kind not in known or not name:
        hint = f": the kind stands in front, as in {known[0]}:{subject}" if known and ":" not in subject else ""
        of = ", ".join(known) or "nobody"
        raise NotFound(f"{app.name} has no personal data of {subject!r}: it has that of {of}{hint}")
    if not isinstance(app.store, RevealingStore):
        raise WiringError(f"{app.name} has no key database")
    store = cast("PersonalStore", app.store)
    await _require_somebody(app, store, kind, name)
    key = await store.vault.destroy(subject)
    await _tell(app, kind, name, user_id)
    forgetting, remembering = followers(app)
    found = _Found(key, PlainText(app.router.catalogue, subject))
    await _look_at_events(app, store.behind, found)
    await _look_at_entries(app, store.behind, found)
    return Erasure(
        subject=subject,
        key=None if key is None else str(key),
        events=_told(found.events),
        audit=_told(found.entries),
        parked={} if key is None else await _parked(app, key),
        snapshots=tuple([one for one in found.streams if await _is_lost(store, one)]),
        forgetting=forgetting,
        remembering=remembering,
        plain=InPlainText(
            events=_told(found.plain_events),
            streams=tuple(found.plain_streams),
            snapshots=tuple([one for one in found.plain_streams if await store.behind.find_snapshot(one) is not None]),
            audit=_told(found.plain_entries),
        ),
    )


def followers(app: App) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The projections and writers that have personal events: those that forget a subject, and those that do not."""
    personal = {kind.cls for kind in app.router.catalogue if kind.personal_fields}
    forgetting, remembering = list[str](), list[str]()
    readers: list[Projection | Writer] = [*app.assembly.projections, *app.assembly.writers]
    for one in readers:
        if personal.intersection(one.events):
            (forgetting if SubjectErased in one.events else remembering).append(one.name)
    return tuple(sorted(forgetting)), tuple(sorted(remembering))


async def _require_somebody(app: App, store: "PersonalStore", kind: str, name: str) -> None:
    """See that an id can be somebody's: what tells of its end stays in the log, for whoever follows it to read."""
    reason = misread(app.router.catalogue, kind, name)
    if reason is None or f"{kind}:{name}" in await store.vault.store.subjects():  # it had another form once
        return
    if not await app.store.log.read_stream(_stream(kind, name), limit=1):
        raise NotFound(f"{name!r} is the id of no {kind}: {reason}")


def _stream(kind: str, name: str) -> str:
    return f"subject-{kind}:{name}"


async def _tell(app: App, kind: str, name: str, user_id: str | None) -> None:
    """Record that a subject is erased, once."""
    stream = _stream(kind, name)
    if await app.store.log.read_stream(stream, limit=1):
        return
    context = app.router.context(Origin(user_id=user_id))
    try:
        async with working(app.new_unit(context)) as unit:
            if app.said.auditing is not None:
                unit.trace = Trace(Record(About(ERASE, 1, _payload), f"{kind}:{name}", context))
            unit.append(stream, SubjectErased(kind=kind, id=name), expected=0)
            await unit.commit()
    except VersionConflict:  # somebody else has erased it just now
        return


def _payload(subject: str) -> str:
    return json.dumps({"subject": subject}, separators=(",", ":"))


def _kinds(app: App) -> list[str]:
    return sorted({field.kind for kind in app.router.catalogue for field in kind.personal_fields})


def _names(app: App, *kinds: Kind) -> list[str]:
    return [one.name for one in app.router.catalogue if one.personal_fields and one.kind in kinds]


class _Found:
    """What was found of a subject: encrypted with their key, or not at all."""

    def __init__(self, key: "UUID | None", plain: PlainText) -> None:
        self.plain = plain
        self.events, self.entries = Counter[str](), Counter[str]()
        self.plain_events, self.plain_entries = Counter[str](), Counter[str]()
        self.streams, self.plain_streams = dict[str, None](), dict[str, None]()
        self._key, self._keys_of = key, open_room("twofold.personal").keys_of

    def is_sealed(self, data: bytes) -> bool:
        """Whether a message is encrypted with the key."""
        return self._key is not None and self._key in self._keys_of(data)

    def look_at(self, stream: str, name: str, version: int, data: bytes) -> None:
        """Count an event for what it has."""
        if self.is_sealed(data):
            self.events[name] += 1
            self.streams[stream] = None
        if self.plain.in_event(name, version, data):
            self.plain_events[name] += 1
            self.plain_streams[stream] = None


async def _look_at_events(app: App, store: Store, found: _Found) -> None:
    async for entry in _read(store.log, app):
        found.look_at(entry.stream, entry.type, entry.schema_version, entry.data)
        if (beside := entry.headers.get(IF_INTERRUPTED)) is not None:
            name, version, data = beside.split(" ", 2)
            found.look_at(entry.stream, name, int(version), data.encode())


async def _read(log: Log, app: App) -> AsyncIterator[Recorded]:
    """Everything that may have personal data: events under the names that they ever had, and beginnings of attempts."""
    catalogue = app.router.catalogue
    personal = catalogue.stored_as(one.cls for one in catalogue if one.personal_fields and one.kind is Kind.EVENT)
    where = (Selection(types=personal), Selection(stream="twofold-attempt-*"))
    position, head = 0, await log.head()
    while position < head:
        page = await log.read(position, until=head, limit=_PAGE, where=where)
        for entry in page:
            yield entry
        position = page[-1].position if len(page) == _PAGE else head


async def _look_at_entries(app: App, store: Store, found: _Found) -> None:
    for name in _names(app, Kind.COMMAND):
        after = 0
        while page := await store.audit.find(AuditSearch(message=name), after=after, limit=_PAGE):
            found.entries[name] += sum(found.is_sealed(entry.payload.encode()) for entry in page)
            found.plain_entries[name] += sum(found.plain.in_command(name, entry.payload) for entry in page)
            after = page[-1].number


async def _is_lost(store: Store, stream: str) -> bool:
    snapshot = await store.find_snapshot(stream)
    return snapshot is not None and snapshot.is_erased


async def _parked(app: App, key: "UUID") -> dict[str, int]:
    found = Counter[str]()
    for store in app.stores.opened:
        kept = cast("PersonalStore", store).parked
        for one in await foundation(store).parked.list(limit=_MOST):
            found[one.subscription] += key in await kept.keys(one.subscription, one.position)
    return _told(found)


def _told(found: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(found.items()) if count}
