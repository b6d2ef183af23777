"""The extra `personal`: what is personal is not readable in the file, is read by who may, and is gone once erased."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from twofold import App, Command, Erased, Event, Module, Personal, Subject, UnitOfWork

club, again = Module("club"), Module("again")
seen: list[object] = []


@dataclass(frozen=True, kw_only=True)
class Join(Command[None]):
    member: Annotated[str, Subject("member")]
    email: Annotated[str, Personal("member")]


@dataclass(frozen=True, kw_only=True)
class Joined(Event):
    member: Annotated[str, Subject("member")]
    email: Annotated[str | Erased, Personal("member")]


@club.handler
async def join(command: Join, unit: UnitOfWork) -> None:
    unit.append(f"member-{command.member}", Joined(member=command.member, email=command.email))


@club.on(Joined)
async def remember(event: Joined) -> None:
    seen.append(event.email)


@again.on(Joined)
async def remember_again(event: Joined) -> None:
    seen.append(event.email)


async def main() -> None:
    async with App("club", modules=[club], key_database="keys.db") as app:
        (await app.execute(Join(member="7f3", email="ada@example.org"))).unwrap()
        await app.settle()
        await app.erase("member:7f3")
    async with App("club", modules=[club, again], key_database="keys.db") as app:
        await app.settle()
    assert seen == ["ada@example.org", Erased()], seen


os.environ["TWOFOLD_PERSONAL_KEY"] = "0f1e2d3c" * 8
asyncio.run(main())
assert b"ada@example.org" not in b"".join(file.read_bytes() for file in Path().glob("*.db*"))
