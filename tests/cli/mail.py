"""A post office whose letters fail when their address is unreadable."""

from dataclasses import dataclass

from twofold import App, Command, Event, Module
from twofold.store import UnitOfWork


@dataclass(frozen=True, kw_only=True)
class Post(Command[None]):
    box: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LetterPosted(Event):
    address: str


class UnreadableAddress(Exception):
    pass


mail = Module("mail")
delivered: list[str] = []
"""What was delivered in this process, in order."""


@mail.handler
async def post(command: Post, unit: UnitOfWork) -> None:
    for address in command.addresses:
        unit.append(command.box, LetterPosted(address=address))


@mail.on(LetterPosted)
async def deliver(event: LetterPosted) -> None:
    if not event.address.startswith("Main"):
        raise UnreadableAddress(event.address)
    delivered.append(event.address)


app = App("mail", modules=[mail])
