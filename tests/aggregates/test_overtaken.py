"""Many who decide on one thing at once, in one process: each comes to its decision, whatever the store."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.aggregates.campus import ChangeCapacity, DefineCourse, Subscribe, campus_on
from twofold import Aggregate, App, Command, CommandBus, Event, Module, Repository, Result
from twofold.reliability import Retry

pytestmark = pytest.mark.anyio

_MANY = 30


@dataclass(frozen=True, kw_only=True)
class Deposited(Event):
    """Something was paid in."""

    id: str


class Purse(Aggregate):
    """Counts what is paid in."""

    id: str = ""
    coins: int = 0

    def evolve(self, event: Event) -> None:
        """One coin more."""
        assert isinstance(event, Deposited)
        self.id, self.coins = event.id, self.coins + 1


@dataclass(frozen=True, kw_only=True)
class Deposit(Command[int]):
    """Pay a coin into a purse."""

    purse: str


@dataclass(frozen=True, kw_only=True)
class Move(Command[None]):
    """Pay a coin into each of two purses, as parts of one command."""

    purses: tuple[str, str]


async def deposit(command: Deposit, purses: Repository[Purse]) -> int:
    """Pay it in."""
    purse = await purses.find(command.purse) or Purse()
    purse.record(Deposited(id=command.purse))
    await purses.save(purse)
    return purse.coins


async def move(command: Move, bus: CommandBus) -> Result[Any, Any]:
    """Pay them in."""
    for purse in command.purses[:-1]:
        (await bus.execute(Deposit(purse=purse))).unwrap()
    return (await bus.execute(Deposit(purse=command.purses[-1]))).map(lambda _: None)


def purses_on(address: str, **options: Any) -> App:
    """An application with purses."""
    module = Module("purses")
    module.register(Deposit, deposit, **options)
    module.register(Move, move, **options)
    return App("purses", modules=[module], database=address)


@pytest.mark.parametrize("options", [{}, {"retry": Retry(attempts=3, first=0.001)}], ids=["default", "retry"])
async def test_all_of_many_on_one_aggregate_are_done(address: str, options: dict[str, Any]) -> None:
    """Those who were overtaken decide again one after the other, and each on what the one before has left."""
    async with purses_on(address, **options) as app:
        answers = await asyncio.gather(*(app.execute(Deposit(purse="one")) for _ in range(_MANY)))
    assert sorted(answer.unwrap() for answer in answers) == list(range(1, _MANY + 1))


async def test_several_streams_and_parts_do_not_stop_each_other(address: str) -> None:
    """Commands over two streams, in either order, with a command of each stream besides."""
    async with purses_on(address) as app:
        sent = [[Move(purses=("a", "b")), Move(purses=("b", "a"))][number % 2] for number in range(10)]
        alone = [Deposit(purse="ab"[number % 2]) for number in range(10)]
        answers = await asyncio.gather(*map(app.execute, sent), *map(app.execute, alone))
    assert [answer.error for answer in answers if answer.is_failure] == []


async def test_all_of_many_on_one_boundary_are_told_what_holds(address: str) -> None:
    """Ten places for thirty students, while the capacity is changed: ten have one, the rest is refused as full."""
    async with campus_on(address) as app:
        (await app.execute(DefineCourse(course_id="c", capacity=9))).unwrap()
        (await app.execute(ChangeCapacity(course_id="c", capacity=10))).unwrap()
        sent = (Subscribe(course_id="c", student_id=f"s{number}") for number in range(_MANY))
        answers = await asyncio.gather(*map(app.execute, sent))
    assert sum(answer.is_success for answer in answers) == 10
    assert {type(answer.error).__name__ for answer in answers if answer.is_failure} == {"CourseFull"}
