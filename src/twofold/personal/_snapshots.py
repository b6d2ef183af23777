"""Snapshots whose states are encrypted as a whole, under the keys of everybody whom their events tell of.

Nobody says what of a state is whose, so it goes with each of them: once one is erased a marker stands in its place, and
the state is folded from the log again, which has markers for what was theirs.
"""

from typing import Final, final
from uuid import UUID

from twofold.personal._documents import Documents, Place, is_sealed, keys_of, keys_of_text
from twofold.store import Snapshot, Store

_PAGE: Final = 1000


@final
class PersonalSnapshots:
    """The snapshots of a store, encrypted.

    Args:
        behind: The store.
        documents: Encrypts and decrypts.
    """

    __slots__ = ("_behind", "_documents")

    def __init__(self, behind: Store, documents: Documents) -> None:
        self._behind = behind
        self._documents = documents

    async def find(self, stream: str) -> Snapshot | None:
        """The snapshot of a stream, decrypted, or a marker when somebody in it is erased; None when it is changed."""
        found = await self._behind.find_snapshot(stream)
        return None if found is None else await self._opened(found)

    async def sealed(self, snapshot: Snapshot) -> Snapshot | None:
        """A snapshot, encrypted when one of its events is.

        None when somebody is erased whom it tells of: the key may have been there still when the state was folded.
        """
        keys = await self._keys(snapshot)
        if not keys:
            return snapshot
        state = await self._documents.seal_text(snapshot.state, keys, _place(snapshot))
        return snapshot._replace(state=state.encode()) if state else None

    async def _opened(self, snapshot: Snapshot) -> Snapshot | None:
        text = _text(snapshot)
        if not is_sealed(text):
            return snapshot
        state = await self._documents.open_text(text, _place(snapshot))
        if state is not None:
            return snapshot._replace(state=state)
        return snapshot.erased() if await self._documents.is_gone(text) else None

    async def _keys(self, snapshot: Snapshot) -> set[UUID]:
        """The ids of the keys that the events up to a snapshot are encrypted under."""
        read, keys = await self._known(snapshot)
        while read < snapshot.version:
            some = min(_PAGE, snapshot.version - read)
            page = await self._behind.log.read_stream(snapshot.stream, after=read, limit=some)
            if not page:
                break
            keys |= {key for one in page for key in keys_of(one.data)}
            read = page[-1].version
        return keys

    async def _known(self, snapshot: Snapshot) -> tuple[int, set[UUID]]:
        """Up to which event the snapshot before it tells them, and which; none when that is of another history."""
        before = await self._behind.find_snapshot(snapshot.stream)
        if before is None or before.version >= snapshot.version:
            return 0, set()
        opened = await self._opened(before)
        if opened is None or opened.is_erased:  # then nothing proves that it names the keys of all
            return 0, set()
        entries = await self._behind.log.read_stream(snapshot.stream, after=before.version - 1, limit=1)
        if [(one.version, one.id) for one in entries] != [(before.version, before.event_id)]:
            return 0, set()
        return before.version, keys_of_text(_text(before))


def _text(snapshot: Snapshot) -> str:
    return snapshot.state.decode(errors="replace")


def _place(snapshot: Snapshot) -> Place:
    return "snapshot", snapshot.stream, str(snapshot.version), str(snapshot.event_id), snapshot.schema
