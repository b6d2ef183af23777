"""An application with three faults: nothing of it may ever be served."""

from dataclasses import dataclass
from typing import Protocol

from twofold import App, Command, Module


@dataclass(frozen=True, kw_only=True)
class Forgotten(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Notify(Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Twice(Command[None]):
    pass


class Mail(Protocol):
    def send(self) -> None: ...


broken = Module("broken")


@broken.handler
async def notify(command: Notify, mail: Mail) -> None:
    mail.send()


@broken.handler
async def first(command: Twice) -> None:
    pass


@broken.handler
async def second(command: Twice) -> None:
    pass


app = App("broken", modules=[broken])
