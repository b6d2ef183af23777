"""Shelves as aggregates, and queries about them: what has a version, and what comes in pages."""

from dataclasses import dataclass
from typing import Annotated

from twofold import (
    Aggregate,
    App,
    Command,
    Event,
    FromContext,
    History,
    Module,
    NotFound,
    Page,
    Principal,
    Query,
    Refused,
    Repository,
    Result,
    Success,
)


@dataclass(frozen=True, kw_only=True)
class PutUp(Command[None]):
    """Put up a shelf."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Fill(Command[int]):
    """Put something on a shelf."""

    name: str
    pieces: int = 1


@dataclass(frozen=True, kw_only=True)
class MoveAll(Command[None]):
    """From one shelf to another."""

    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Measure(Command[float]):
    """Is about nothing that has a version."""


@dataclass(frozen=True, kw_only=True)
class ShowShelf(Query["Shown | None"]):
    """One shelf."""

    name: str
    viewer: Annotated[str | None, FromContext("user_id")] = None


@dataclass(frozen=True, kw_only=True)
class ListPieces(Query[Page[int]]):
    """By page."""

    page: int = 1
    page_size: int = 2
    like: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SlicePieces(Query[Page[int]]):
    """By offset."""

    offset: int = 0
    limit: int = 2


@dataclass(frozen=True, kw_only=True)
class SearchPieces(Query[Page[int]]):
    """Has no pages to go to."""

    text: str = ""


@dataclass(frozen=True, kw_only=True)
class WasPutUp(Event):
    name: str


@dataclass(frozen=True, kw_only=True)
class WasFilled(Event):
    pieces: int


@dataclass(frozen=True)
class Shown:
    name: str
    pieces: int
    version: int
    viewer: str | None = None


class Shelf(Aggregate):
    """Counts what is on it."""

    id: str
    pieces = 0

    def evolve(self, event: Event) -> None:
        """Change by an event."""
        match event:
            case WasPutUp():
                self.id = event.name
            case WasFilled():
                self.pieces += event.pieces
            case _:
                raise TypeError(event)


def shelves_app(database: str = "memory:") -> App:
    """The shelves, on a store in memory unless given another."""
    shelves = Module("shelves")

    @shelves.handler(path="/shelves/{name}", method="PUT", status=201)
    async def put_up(command: PutUp, shelves: Repository[Shelf]) -> Result[None]:
        shelf = Shelf()
        shelf.record(WasPutUp(name=command.name))
        await shelves.save(shelf)
        return Success()

    @shelves.handler(path="/shelves/{name}/pieces")
    async def fill(command: Fill, shelves: Repository[Shelf]) -> Result[int, NotFound | Refused]:
        shelf = (await shelves.get(command.name)).unwrap()
        if shelf.pieces + command.pieces > 9:
            raise Refused("it is full")
        if command.pieces:
            shelf.record(WasFilled(pieces=command.pieces))
        await shelves.save(shelf)
        return Success(shelf.pieces)

    @shelves.handler
    async def move_all(command: MoveAll, shelves: Repository[Shelf]) -> Result[None, NotFound]:
        source = (await shelves.get(command.source)).unwrap()
        target = (await shelves.get(command.target)).unwrap()
        target.record(WasFilled(pieces=source.pieces))
        source.record(WasFilled(pieces=-source.pieces))
        await shelves.save(source)
        await shelves.save(target)
        return Success()

    @shelves.handler
    async def measure(command: Measure) -> float:
        return 1.5

    @shelves.handler(path="/shelves/{name}", version="version")
    async def show(query: ShowShelf, history: History) -> Shown | None:
        found = await history.get(Shelf, query.name)
        if found.is_failure:
            return None
        return Shown(query.name, found.value.pieces, found.value.version, query.viewer)

    @shelves.handler
    async def list_pieces(query: ListPieces) -> Page[int]:
        first = (query.page - 1) * query.page_size
        items = range(5)[first : first + query.page_size]
        return Page.of(items, total=5, page=query.page, page_size=query.page_size)

    @shelves.handler
    async def slice_pieces(query: SlicePieces) -> Page[int]:
        items = range(5)[query.offset : query.offset + query.limit]
        return Page.slice(items, total=5, limit=query.limit, offset=query.offset)

    @shelves.handler(method="POST")
    async def search_pieces(query: SearchPieces) -> Page[int]:
        return Page.of(range(2), total=5, page_size=2)

    return App("shelves", modules=[shelves], database=database)


async def viewer(request: "object") -> Principal | None:
    """Authenticates by a header, without any secret."""
    name = getattr(request, "headers", {}).get("x-user")
    return None if name is None else Principal(user_id=name)
