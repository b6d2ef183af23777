"""The cellar, which the events of the vault come to over a broker: it cannot deal with some of them."""

from dataclasses import dataclass
from logging import Logger
from typing import Annotated, Any

from twofold import App, Erased, Event, Module, Personal, Subject
from twofold.messages import NotSecret


@dataclass(frozen=True, kw_only=True)
class Stored(Event):
    """Something was stored."""

    name: str


@dataclass(frozen=True, kw_only=True)
class StoreFailed(Event):
    """Something could not be stored, as somebody takes it who expects a number."""

    name: str
    reason: int


@dataclass(frozen=True, kw_only=True)
class KeyGiven(Event):
    """Somebody has a key; what is called a token is no secret."""

    holder: Annotated[str, Subject("holder")]
    name: Annotated[str | Erased, Personal("holder")]
    token: Annotated[str, NotSecret]


def cellar(place: str) -> Module:
    """The module that receives it.

    Args:
        place: Where from.
    """
    module = Module("cellar")
    module.consumes(Stored, StoreFailed, KeyGiven, from_=place)

    @module.on(Stored)
    async def carry(event: Stored, logger: Logger) -> None:
        """Cannot be done for what has a name like this."""
        logger.info("carrying", extra={"carried": event})
        if event.name == "unspeakable":
            raise LookupError("nobody to carry it")

    @module.on(KeyGiven)
    async def note(event: KeyGiven, logger: Logger) -> None:
        """Cannot be done at all."""
        logger.info("noting", extra={"noted": event})
        raise LookupError("nobody to note it")

    return module


def receiving(place: str, **settings: Any) -> App:
    """The cellar.

    Args:
        place: Where from.
        settings: Its databases, and its broker.
    """
    return App("cellar", modules=[cellar(place)], **settings)


app = receiving("vault")
