"""A clinic with a command, a query and events that tell of an attempt, for the tests of what a doctor says."""

from dataclasses import dataclass
from typing import Any

from twofold import Command, Event, Module, Query


@dataclass(frozen=True, kw_only=True)
class Pay(Command[None]):
    """Pay."""


@dataclass(frozen=True, kw_only=True)
class FindBill(Query[int]):
    """What is to be paid."""


@dataclass(frozen=True, kw_only=True)
class PaymentAttempted(Event):
    """Somebody tries."""


@dataclass(frozen=True, kw_only=True)
class PaymentSucceeded(Event):
    """It worked."""


@dataclass(frozen=True, kw_only=True)
class PaymentFailed(Event):
    """It did not work."""


async def pay(command: Pay) -> None:
    """Pay."""


async def find_bill(query: FindBill) -> int:
    """Find it."""
    return 7


def clinic(of_pay: dict[str, Any] | None = None, **settings: Any) -> Module:
    """The module.

    Args:
        of_pay: What the handler of `Pay` says.
        settings: What the module says.
    """
    module = Module("clinic", **settings)
    module.register(Pay, pay, **(of_pay or {}))
    module.register(FindBill, find_bill)
    return module
