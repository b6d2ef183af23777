"""Handlers that are hard to serve. Everything is local to a function, so that no application has all of it in sight."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from tests.web.shop import Line
from twofold import Command, FromContext, Query, Result, Success


def bell_handlers() -> dict[str, Callable[..., Any]]:
    """Handlers by name."""

    class Opaque:
        """Something that no JSON can hold."""

    @dataclass(frozen=True, kw_only=True)
    class Tick(Command[None]):
        name: str = ""
        by: Annotated[str, FromContext("user_id")] = ""
        line: Line | None = None

    @dataclass(frozen=True, kw_only=True)
    class Tock(Query[Any]):
        name: str = ""
        line: Line | None = None

    class Aliased(BaseModel, Command[None]):
        by: Annotated[str, FromContext("user_id"), Field(alias="author")] = ""

    @dataclass(frozen=True, kw_only=True)
    class Lone(Command[None]):
        name: str = ""

    @dataclass(frozen=True, kw_only=True)
    class Unencodable(Command[None]):
        what: Opaque

    async def tick(command: Tick) -> Result[None]:
        return Success()

    async def tock(query: Tock) -> int:
        return 1

    async def aliased(command: Aliased) -> None: ...

    async def opaque(query: Tock) -> Opaque:
        return Opaque()

    async def lone(command: Lone, missing: Opaque) -> None: ...

    async def unencodable(command: Unencodable) -> None: ...

    return {handler.__name__: handler for handler in (tick, tock, aliased, opaque, lone, unencodable)}
