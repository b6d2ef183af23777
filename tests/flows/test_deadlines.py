"""Commands that are too late: what their senders are told is what is in the log, whatever the deadline fell on."""

import asyncio
import json
from dataclasses import dataclass
from random import Random

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database
from twofold import App, Command, Event, EventBus, Module
from twofold.app._database import store_of
from twofold.errors import TimedOut
from twofold.messages import Context
from twofold.reliability import Timeout
from twofold.store import Recorded, Store

pytestmark = pytest.mark.anyio

_ALL = 100_000


class Base(DeclarativeBase):
    pass


class Kept(Base):
    __tablename__ = "deadline_kept"
    n: Mapped[int] = mapped_column(primary_key=True)


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    n: int
    kept: str = "with the command"


@dataclass(frozen=True, kw_only=True)
class NoteIt(Command[None]):
    n: int


@dataclass(frozen=True, kw_only=True)
class KeepIt(Command[None]):
    n: int


def noting(store: Store) -> App:
    """An application with a command that records, and one that writes SQL too; both end shortly before they must."""
    module, random = Module("noting", timeout=Timeout(seconds=0.05)), Random(7)
    module.state(Kept)

    async def almost(context: Context) -> None:
        left = (context.deadline or 0.0) - context.clock.monotonic()
        await asyncio.sleep(left - random.choice((random.uniform(-0.001, 0.004), random.uniform(0, 0.04))))

    @module.handler
    async def note(command: NoteIt, events: EventBus, context: Context) -> None:
        await almost(context)
        await events.publish(Noted(n=command.n, kept="anyhow"), survive=True)
        await events.publish(Noted(n=command.n))

    @module.handler
    async def keep(command: KeepIt, session: AsyncSession, events: EventBus, context: Context) -> None:
        await almost(context)
        await session.execute(insert(Kept).values(n=command.n))
        await events.publish(Noted(n=command.n))

    return App("noting", modules=[module], database=store)


async def log_of(app: App) -> list[Recorded]:
    return list(await app.store.log.read(0, until=await app.store.log.head(), limit=_ALL))


@pytest.mark.parametrize("rounds", [150, pytest.param(2000, marks=pytest.mark.faults)])
@pytest.mark.parametrize("kind", [NoteIt, KeepIt])
async def test_who_is_told_of_a_timeout_finds_nothing(
    each_database: Database, kind: type[NoteIt] | type[KeepIt], rounds: int
) -> None:
    """At any moment of a command, its commit among them: a success is there, and what was too late is not."""
    app = noting(store_of(each_database.address, "noting"))
    told = dict[int, bool]()
    async with app:

        async def send(n: int) -> None:
            result = await app.execute(kind(n=n))
            told[n] = result.is_success
            assert result.is_success or isinstance(result.error, TimedOut), result

        for begin in range(0, rounds, 10):
            await asyncio.gather(*(send(n) for n in range(begin, begin + 10)))
        recorded = [json.loads(one.data) for one in await log_of(app)]
    assert len(told) == rounds
    assert {True, False} == set(told.values())
    done = sorted(n for n, ended in told.items() if ended)
    assert sorted(one["n"] for one in recorded if one["kept"] == "with the command") == done
    survived = [one["n"] for one in recorded if one["kept"] == "anyhow"]
    assert len(survived) == len(set(survived))
    assert set(survived) >= set(done if kind is NoteIt else ())
