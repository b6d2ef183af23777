"""Lines of those who were overtaken: one at a time, in their order, and nobody waits for ever."""

import asyncio

import pytest

from twofold.middleware import Lines

pytestmark = pytest.mark.anyio


class Street:
    """People who enter a line, and leave it when they are told to."""

    def __init__(self, patience: float = 60.0) -> None:
        self.lines = Lines(patience)
        self.inside: list[int] = []
        self.leave = asyncio.Event()

    def comes(self, number: int, thing: str | None = "x") -> "asyncio.Task[None]":
        """One more, who stays inside until `leave` is set."""

        async def walk() -> None:
            async with self.lines.behind(thing):
                self.inside.append(number)
                await self.leave.wait()
                await asyncio.sleep(0)
                assert thing is None or self.inside[-1] == number, "somebody came in meanwhile"

        return asyncio.create_task(walk())

    async def settles(self) -> list[int]:
        """Who has come in, once nobody moves any more."""
        for _ in range(20):
            await asyncio.sleep(0)
        return self.inside


async def test_one_is_in_at_a_time_in_the_order_in_which_they_came() -> None:
    """And what is decided on elsewhere has another line."""
    street = Street()
    first = [street.comes(number) for number in range(5)]
    assert await street.settles() == [0]
    elsewhere = [street.comes(5, "y"), street.comes(6, None), street.comes(7, None)]
    assert await street.settles() == [0, 5, 6, 7]
    street.inside.clear()
    street.inside.append(0)
    elsewhere[0].cancel()
    street.leave.set()
    await asyncio.gather(*first, *elsewhere, return_exceptions=True)
    assert street.inside == [0, 1, 2, 3, 4]
    assert [task.exception() for task in first] == [None] * 5


async def test_who_is_cancelled_keeps_no_place() -> None:
    """Neither in the line nor inside."""
    street = Street()
    tasks = [street.comes(number) for number in range(3)]
    assert await street.settles() == [0]
    tasks[1].cancel()
    assert await street.settles() == [0]
    tasks[0].cancel()
    assert await street.settles() == [0, 2]
    street.leave.set()
    await tasks[2]


async def test_who_has_waited_too_long_goes_in_beside_the_others() -> None:
    """So whoever is inside may wait for one who waits outside: both come to an end."""
    lines, outside_is_done = Lines(0.01), asyncio.Event()

    async def outside() -> None:
        async with lines.behind("x"):
            outside_is_done.set()

    async with lines.behind("x"):
        task = asyncio.create_task(outside())
        await outside_is_done.wait()
        await task
