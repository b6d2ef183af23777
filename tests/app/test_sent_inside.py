"""Parts of reliability that a message shares with what its handler sends: neither waits for what the other one has."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.reliability.virtual import LoopClock, run
from twofold import App, Command, CommandBus, Module
from twofold.errors import CircuitOpen
from twofold.reliability import Bulkhead, CircuitBreaker


@dataclass(frozen=True, kw_only=True)
class Charge(Command[str]):
    """Ask the bank."""


@dataclass(frozen=True, kw_only=True)
class Order(Command[str]):
    """Sends `Charge`, so many at once, and goes on whatever it comes to."""

    charges: int = 1


class Shop:
    """An application whose two commands share a part by its name, and what the bank answers, in turn.

    Args:
        part: The name of the part, and its settings.
        answers: Whether the bank is there.
    """

    def __init__(self, part: dict[str, Any], answers: Sequence[bool] = ()) -> None:
        self.answers = list(answers)
        self.swallows = False
        module = Module("shop")
        module.register(Charge, self.charge, **part)
        module.register(Order, self.order, **part)
        self.app = App("shop", modules=[module], database="memory:", clock=LoopClock())

    async def charge(self, command: Charge) -> str:
        """Ask the bank, which takes a moment."""
        await asyncio.sleep(0.1)
        if self.answers and not self.answers.pop(0):
            raise ConnectionError
        return "paid"

    async def order(self, command: Order, bus: CommandBus) -> str:
        """Have it charged."""
        told = await asyncio.gather(*(bus.execute(Charge()) for _ in range(command.charges)))
        return "sent" if self.swallows else " ".join(one.unwrap() for one in told)


def test_what_a_message_sends_is_in_its_place() -> None:
    """It would wait for a place that its sender has, and its sender for it; others wait for both."""
    shop = Shop({"bulkhead": Bulkhead(concurrent=2, name="bank")})

    async def main() -> list[str]:
        async with shop.app as app:
            sent = asyncio.gather(*(app.execute(Order()) for _ in range(4)))
            return [one.unwrap() for one in await asyncio.wait_for(sent, 5)]

    assert run(main()) == ["paid"] * 4


def test_who_tries_whether_it_works_again_may_send_what_the_same_breaker_guards() -> None:
    """It would be kept away by itself, and the breaker stay open for ever."""
    shop = Shop({"circuit_breaker": CircuitBreaker(1, open_for=5, name="bank")}, [False])

    async def main() -> None:
        async with shop.app as app:
            assert isinstance((await app.execute(Order())).error, ConnectionError)
            assert isinstance((await app.execute(Order())).error, CircuitOpen)
            await asyncio.sleep(5)
            assert (await app.execute(Order())).unwrap() == "paid"
            assert (await app.execute(Charge())).unwrap() == "paid"

    run(main())


def test_a_call_has_failed_where_a_part_of_it_has() -> None:
    """Also when whoever sent it goes on, and once, however many parts there are."""
    shop = Shop({"circuit_breaker": CircuitBreaker(2, name="bank")}, [False] * 6)
    shop.swallows = True

    async def main() -> None:
        async with shop.app as app:
            for _ in range(2):
                assert (await app.execute(Order(charges=3))).unwrap() == "sent"
            assert isinstance((await app.execute(Charge())).error, CircuitOpen)

    run(main())
