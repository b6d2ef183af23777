"""An application with every kind of fault, each under a name that says which."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from twofold import Aggregate, App, Command, Event, Module, Query, Repository, Rows


@dataclass(frozen=True, kw_only=True)
class Forgotten(Command[None]):
    then: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Twice(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Unmet(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Captive(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Cyclic(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Unencodable(Command[None]):
    then: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Unawaited(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Blocked(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class InThread(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Writing(Query[int]):
    pass


@dataclass(frozen=True, kw_only=True)
class Untyped(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Loading(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Happened(Event):
    pass


class Kindless:
    pass


class Mail(Protocol):
    def send(self) -> None: ...


class Cart:
    pass


class Shelf:
    def __init__(self, cart: Cart) -> None:
        self.cart = cart


class Hen:
    def __init__(self, egg: "Egg") -> None:
        self.egg = egg


class Egg:
    def __init__(self, hen: Hen) -> None:
        self.hen = hen


class Unevolved(Aggregate):
    pass


FILLED: Table[Any] = Table("filled", MetaData(), Column("id", Integer, primary_key=True))

unsound = Module("unsound")
unsound.provide(Cart)
unsound.provide(Shelf, scope="app")
unsound.provide(Hen)
unsound.provide(Egg)


@unsound.handler
async def first(command: Twice) -> None: ...


@unsound.handler
async def second(command: Twice) -> None: ...


@unsound.handler
async def unmet(command: Unmet, mail: Mail) -> None: ...


@unsound.handler
async def captive(command: Captive, shelf: Shelf) -> None: ...


@unsound.handler
async def cyclic(command: Cyclic, hen: Hen) -> None: ...


@unsound.handler
async def unencodable(command: Unencodable) -> None: ...


@unsound.handler
def unawaited(command: Unawaited, session: AsyncSession) -> None: ...


@unsound.handler
async def blocked(command: Blocked, session: Session) -> None: ...


@unsound.handler(blocking=True)
async def in_thread(command: InThread) -> None: ...


@unsound.handler
async def writing(query: Writing, session: AsyncSession) -> int:
    return 0


@unsound.handler
async def untyped(command: Untyped, thing) -> None: ...  # type: ignore[no-untyped-def]  # the mistake that is told at the start


@unsound.handler
async def kindless(message: Kindless) -> None: ...


@unsound.handler
async def loading(command: Loading, aggregates: Repository[Unevolved]) -> None: ...


@unsound.on(Loading)
async def after_a_command(event: Loading) -> None: ...


@unsound.on("nothing_like_it")
async def deaf(event: Any) -> None: ...


@unsound.projection("summary")
class Summary:
    async def happened(self, event: Happened, rows: Rows) -> None: ...


@unsound.projection("tableless")
class Tableless:
    def happened(self, event: Happened, rows: Rows) -> None: ...


@unsound.projection("one", tables=[FILLED])
class One:
    def happened(self, event: Happened, rows: Rows) -> None: ...


@unsound.projection("other", tables=[FILLED])
class Other:
    def happened(self, event: Happened, rows: Rows) -> None: ...


def unasync(message: Any, context: Any, call_next: Any) -> Any: ...


app = App("unsound", modules=[unsound])
app.use(unasync)
