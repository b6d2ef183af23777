"""The small command that the benchmarks of dispatch send, and what handles it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from twofold import Command, Result, Success

Call: TypeAlias = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Rename(Command[None]):
    """A small command, with what small commands have."""

    name: str
    number: int


class Ledger:
    """A dependency that lives as long as one message."""


def ledger() -> Iterator[Ledger]:
    yield Ledger()


async def ledger_awaited() -> AsyncIterator[Ledger]:
    yield Ledger()


Opened: TypeAlias = Callable[[], Iterator[Ledger] | AsyncIterator[Ledger]]
"""A generator that gives the dependency, of either kind."""


async def rename(command: Rename) -> Result[None]:
    return Success()


async def rename_in(command: Rename, ledger: Ledger) -> Result[None]:
    return Success()
