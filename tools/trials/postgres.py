"""The extra `postgres`: commands, events and the audit trail in a real server, without SQLAlchemy."""

import asyncio
import sys
from dataclasses import dataclass

from twofold import App, Command, Event, EventBus, Module, Success

greetings = Module("greetings")
seen: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    name: str


@dataclass(frozen=True, kw_only=True)
class Greeted(Event):
    name: str


@greetings.handler
async def greet(command: Greet, events: EventBus) -> str:
    await events.publish(Greeted(name=command.name))
    return f"Hello, {command.name}!"


@greetings.on(Greeted)
async def remember(event: Greeted) -> None:
    seen.append(event.name)


async def main(address: str) -> None:
    async with App("hello", modules=[greetings], database=address) as app:
        assert await app.execute(Greet(name="Ada")) == Success("Hello, Ada!")
        await app.settle()
        assert len([entry async for entry in app.audit.entries(message="greet")]) == 1
    assert seen == ["Ada"]


asyncio.run(main(sys.argv[1]))
