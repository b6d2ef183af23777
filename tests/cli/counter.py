"""What stands beside the vault where its events leave over a broker."""

from dataclasses import dataclass
from typing import Annotated, Any

from tests.cli.vault import Locked, Stored, StoreFailed, authenticate, vault
from twofold import App, Command, Erased, Event, Module, Personal, Subject, UnitOfWork
from twofold.messages import NotSecret


@dataclass(frozen=True, kw_only=True)
class GiveKey(Command[None]):
    """Give somebody a key."""

    holder: Annotated[str, Subject("holder")]
    name: Annotated[str, Personal("holder")]
    token: Annotated[str, NotSecret]


@dataclass(frozen=True, kw_only=True)
class KeyGiven(Event):
    """Somebody has a key; what is called a token is no secret."""

    holder: Annotated[str, Subject("holder")]
    name: Annotated[str | Erased, Personal("holder")]
    token: Annotated[str, NotSecret]


def counter(place: str) -> Module:
    """The module that publishes what happens in the vault.

    Args:
        place: Where to.
    """
    module = Module("counter")
    module.publishes(Stored, StoreFailed, Locked, KeyGiven, to=place, personal="withheld")

    @module.handler
    async def give_key(command: GiveKey, unit: UnitOfWork) -> None:
        """Give it."""
        unit.append(f"key-{command.holder}", KeyGiven(holder=command.holder, name=command.name, token=command.token))

    return module


def sending(place: str, **settings: Any) -> App:
    """The vault, which publishes.

    Args:
        place: Where to.
        settings: Its databases, and its broker.
    """
    return App("vault", modules=[vault, counter(place)], authenticate=authenticate, **settings)


app = sending("vault")
