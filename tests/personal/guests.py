"""An aggregate with personal data and a snapshot at every load: a book that guests sign."""

from dataclasses import dataclass
from typing import Annotated

from twofold import Aggregate, App, Command, Erased, Event, Module, Personal, Repository, Subject
from twofold.aggregates import every
from twofold.personal import KeyStore


@dataclass(frozen=True, kw_only=True)
class Laid(Event):
    """The book lies there."""

    book: str


@dataclass(frozen=True, kw_only=True)
class Signed(Event):
    book: str
    guest: Annotated[str, Subject("guest")]
    name: Annotated[str | Erased, Personal("guest")]


class Book(Aggregate):
    """Whoever loads it folds the events behind its snapshot, and notes which."""

    id: str
    names: list[str | Erased]

    snapshots = every(1)

    def __init__(self) -> None:
        self.names = []

    def evolve(self, event: Event) -> None:
        match event:
            case Laid():
                self.id = event.book
            case Signed():
                folded.append(event.name)
                self.names.append(event.name)
            case _:
                raise TypeError(event)


folded = list[str | Erased]()
"""Every name that any book was given."""


@dataclass(frozen=True, kw_only=True)
class Lay(Command[None]):
    book: str


@dataclass(frozen=True, kw_only=True)
class Sign(Command[int]):
    """Answers how many have signed."""

    book: str
    guest: Annotated[str, Subject("guest")]
    name: Annotated[str, Personal("guest")]


guests = Module("guests")
guests.events(Laid, Signed)


@guests.handler
async def lay(command: Lay, books: Repository[Book]) -> None:
    book = Book()
    book.record(Laid(book=command.book))
    await books.save(book)


@guests.handler
async def sign(command: Sign, books: Repository[Book]) -> int:
    book = (await books.get(command.book)).unwrap()
    book.record(Signed(book=book.id, guest=command.guest, name=command.name))
    await books.save(book)
    return len(book.names)


def visited(address: str, keys: KeyStore) -> App:
    """An application with one book in it."""
    return App("guests", modules=[guests], database=address, key_database=keys)
