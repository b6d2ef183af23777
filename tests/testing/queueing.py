"""Books, which are aggregates, and the queues for them, which a decider keeps under the same ids."""

from dataclasses import dataclass

from twofold import Aggregate, Command, Event, Failure, Module, Refused, Repository


@dataclass(frozen=True, kw_only=True)
class BookAdded(Event):
    isbn: str


@dataclass(frozen=True, kw_only=True)
class Reserved(Event):
    isbn: str


@dataclass(frozen=True, kw_only=True)
class Reserve(Command[None]):
    isbn: str


class Book(Aggregate):
    """It passes over what it does not know."""

    id: str

    def evolve(self, event: Event) -> None:
        if isinstance(event, BookAdded):
            self.id = event.isbn


class Marked(Book):
    """It is changed by what the queue is made of."""

    waiting = 0

    def evolve(self, event: Event) -> None:
        super().evolve(event)
        if isinstance(event, Reserved):
            self.waiting += 1


def library(kind: type[Book]) -> Module:
    """A module with books, and a decider of the queue for each."""

    @dataclass(frozen=True, kw_only=True)
    class Look(Command[None]):
        isbn: str

    async def look(command: Look, books: Repository[kind]) -> None: ...  # type: ignore[valid-type]  # told at run time

    def decide(command: Reserve, waiting: int) -> list[Reserved] | Failure[Refused]:
        return Failure(Refused("somebody waits")) if waiting else [Reserved(isbn=command.isbn)]

    def evolve(waiting: int, event: Reserved) -> int:
        return waiting + 1

    module = Module("library")
    module.register(Look, look)
    module.events(BookAdded)
    module.decider(initial=int, decide=decide, evolve=evolve, stream="queue-{isbn}")
    return module
