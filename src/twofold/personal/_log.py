"""A log whose events are decrypted on their way out: keys are fetched for a whole page at once."""

from collections.abc import Sequence
from typing import Final, NamedTuple, final

from pydantic_core import from_json

from twofold.messages import SubjectErased, wire_name
from twofold.personal._documents import Document, Documents, Place
from twofold.store import IF_INTERRUPTED, Log, Recorded, Selection

_ERASED: Final = wire_name(SubjectErased).name


class _Beside(NamedTuple):
    at: int
    name: str
    version: str
    data: str


@final
class PersonalLog:
    """A `Log` in front of another one.

    Args:
        behind: The other one.
        documents: Decrypts.
    """

    __slots__ = ("_behind", "_documents")

    def __init__(self, behind: Log, documents: Documents) -> None:
        self._behind = behind
        self._documents = documents

    async def head(self) -> int:
        """That of the other one."""
        return await self._behind.head()

    async def epoch(self) -> str:
        """That of the other one."""
        return await self._behind.epoch()

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        """Events, decrypted."""
        return await self._opened(await self._behind.read(after, until=until, limit=limit, where=where))

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events of one stream, decrypted."""
        return await self._opened(await self._behind.read_stream(stream, after=after, limit=limit))

    async def _opened(self, page: Sequence[Recorded]) -> Sequence[Recorded]:
        for one in page:
            if one.type == _ERASED:
                told = SubjectErased(**from_json(one.data))
                self._documents.vault.forget(f"{told.kind}:{told.id}")
        documents = [Document(one.data, event_place(one.stream, str(one.id), one.type)) for one in page]
        beside = [_Beside(at, *one.headers[IF_INTERRUPTED].split(" ", 2)) for at, one in enumerate(page) if _has(one)]
        for lying in beside:
            begun = page[lying.at]
            documents.append(Document(lying.data.encode(), header_place(begun.stream, str(begun.id), lying.name)))
        opened = await self._documents.open(documents)
        entries = [
            entry if data is entry.data else entry._replace(data=data)
            for entry, data in zip(page, opened, strict=False)
        ]
        for lying, data in zip(beside, opened[len(page) :], strict=True):
            entry = entries[lying.at]
            headers = {**entry.headers, IF_INTERRUPTED: f"{lying.name} {lying.version} {data.decode()}"}
            entries[lying.at] = entry._replace(headers=headers)
        return entries


def event_place(stream: str, event: str, name: str) -> Place:
    """Where the data of an event is kept."""
    return "event", stream, event, name


def header_place(stream: str, event: str, name: str) -> Place:
    """Where the event is kept that lies beside another one."""
    return IF_INTERRUPTED, stream, event, name


def _has(one: Recorded) -> bool:
    return IF_INTERRUPTED in one.headers
