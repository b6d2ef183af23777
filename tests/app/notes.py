"""A small application with two read models behind the log, of which a test can hold each where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from twofold import App, Command, Event, EventBus, Module, Query, QueryBus, Refused, Result, Rows, Success
from twofold.store import MemoryStore, Store


@dataclass(frozen=True, kw_only=True)
class Write(Command[None]):
    """Publish texts; the surviving ones outlive a refusal."""

    texts: tuple[str, ...] = ()
    surviving: tuple[str, ...] = ()
    silent: bool = False
    refused: bool = False


@dataclass(frozen=True, kw_only=True)
class WriteTwice(Command[None]):
    """Sends a command, and asks what there is in between."""


@dataclass(frozen=True, kw_only=True)
class Read(Query[list[str]]):
    """Every text."""


@dataclass(frozen=True, kw_only=True)
class ReadLengths(Query[list[int]]):
    """The lengths of the texts."""


@dataclass(frozen=True, kw_only=True)
class ReadNothing(Query[int]):
    """Needs no read model."""


@dataclass(frozen=True, kw_only=True)
class Wrote(Event):
    """Both read models want it."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Kept(Event):
    """No read model wants it."""


@dataclass
class Notes:
    """The application, and what holds its read models."""

    store: Store = field(default_factory=MemoryStore)
    held: set[str] = field(default_factory=set[str])
    """The names of projections that wait for something that is away."""

    def app(self, **options: Any) -> App:
        """The application on the store."""
        app = App("notes", modules=[self.module()], database=self.store, **options)
        app.override(MemoryStore, self.store)
        return app

    def module(self) -> Module:
        """The module, with its projections."""
        module = Module("notes")
        module.events(Wrote, Kept)
        held = self.held

        @module.handler
        async def write(command: Write, bus: EventBus) -> Result[None]:
            for text in command.texts:
                await bus.publish(Wrote(text=text))
            for text in command.surviving:
                await bus.publish(Wrote(text=text), survive=True)
            if command.silent:
                await bus.publish(Kept())
            if command.refused:
                raise Refused("no")
            return Success()

        @module.handler
        async def write_twice(command: WriteTwice, bus: EventBus, queries: QueryBus) -> Result[None]:
            await bus.publish(Wrote(text="once"))
            return (await queries.execute(Read())).map(lambda _: None)

        @module.handler
        async def read(query: Read, store: MemoryStore) -> list[str]:
            return await store.read(lambda tables: [row["text"] for row in tables.rows("texts")])

        @module.handler(reads=["lengths"])
        async def read_lengths(query: ReadLengths, store: MemoryStore) -> list[int]:
            return await store.read(lambda tables: [row["length"] for row in tables.rows("lengths")])

        @module.handler(reads=[])
        async def read_nothing(query: ReadNothing) -> int:
            return 7

        @module.projection("texts", tables=["texts"])
        class Texts:
            def wrote(self, event: Wrote, rows: Rows) -> None:
                if "texts" in held:
                    raise ConnectionError("held")
                rows.upsert("texts", {"text": event.text})

        @module.projection("lengths", tables=["lengths"])
        class Lengths:
            def wrote(self, event: Wrote, rows: Rows) -> None:
                if "lengths" in held:
                    raise ConnectionError("held")
                rows.upsert("lengths", {"text": event.text}, length=len(event.text))

        return module


def texts(count: int) -> Sequence[str]:
    """That many texts."""
    return [f"text {number}" for number in range(count)]
