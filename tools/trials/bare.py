"""The core: an aggregate on SQLite, a query, a key, a reaction, the audit trail, and again behind a restart."""

import asyncio
from dataclasses import dataclass

from twofold import Aggregate, App, Command, Event, Failure, History, Module, NotFound, Query, Repository, Success

jars = Module("jars")
seen: list[int] = []


@dataclass(frozen=True, kw_only=True)
class Fill(Command[int]):
    amount: int


@dataclass(frozen=True, kw_only=True)
class Filled(Event):
    amount: int


@dataclass(frozen=True, kw_only=True)
class Look(Query[int]):
    jar: str


class Jar(Aggregate):
    id: str
    total: int = 0

    def evolve(self, event: Event) -> None:
        if isinstance(event, Filled):
            self.id, self.total = "jar", self.total + event.amount


@jars.handler
async def fill(command: Fill, repository: Repository[Jar]) -> int:
    jar = (await repository.find("jar")) or Jar()
    jar.record(Filled(amount=command.amount))
    await repository.save(jar)
    return jar.total


@jars.handler
async def look(query: Look, history: History) -> int:
    found = await history.find(Jar, query.jar)
    if found is None:
        raise NotFound(f"there is no jar {query.jar}")
    return found.total


@jars.on(Filled)
async def watch(event: Filled) -> None:
    seen.append(event.amount)


async def main() -> None:
    for total in (3, 6):  # the second time it finds what the first has left
        async with App("jars", modules=[jars]) as app:
            caller = app.caller(idempotency_key=f"key-{total}")
            assert await caller.execute(Fill(amount=3)) == Success(total)
            assert await caller.execute(Fill(amount=3)) == Success(total)
            assert await caller.execute(Look(jar="jar")) == Success(total)
            assert isinstance(await app.execute(Look(jar="none")), Failure)
            await app.settle()
            assert {entry.outcome async for entry in app.audit.entries()} >= {"success", "replayed"}
    assert seen == [3, 3], seen


asyncio.run(main())
