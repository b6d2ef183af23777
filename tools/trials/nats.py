"""The extra `nats`: what is published is on a real server, under the id of its event, and others consume it."""

import asyncio
import sys
from dataclasses import dataclass

import nats

from twofold import App, Command, Event, EventBus, Module, Success, event

greetings = Module("greetings")


@dataclass(frozen=True, kw_only=True)
class Greet(Command[None]):
    name: str


@dataclass(frozen=True, kw_only=True)
class Greeted(Event):
    name: str


greetings.publishes(Greeted, to="greetings")


@greetings.handler
async def greet(command: Greet, events: EventBus) -> None:
    await events.publish(Greeted(name=command.name))


async def heard(address: str) -> object:
    """The id of what another application has heard."""

    @event(name="greeted")
    @dataclass(frozen=True, kw_only=True)
    class Heard(Event):
        name: str

    listeners = Module("listeners")
    listeners.consumes(Heard, from_="greetings")
    async with App("listeners", modules=[listeners], database="memory:", broker=address) as app:
        await app.settle()
        (recorded,) = await app.store.log.read(0, until=1, limit=1)
    return recorded.id


async def main(address: str) -> None:
    client = await nats.connect(address)
    streams = client.jetstream()
    await streams.add_stream(name="greetings", subjects=["greetings.>"])
    async with App("hello", modules=[greetings], broker=address) as app:
        assert await app.execute(Greet(name="Ada")) == Success(None)
        await app.settle()
        (recorded,) = await app.store.log.read(0, until=1, limit=1)
    message = await streams.get_last_msg("greetings", "greetings.greeted")
    assert (message.headers or {})["ce-id"] == str(recorded.id)
    assert message.data == b'{"name":"Ada"}'
    assert await heard(address) == recorded.id
    await streams.delete_stream("greetings")
    await client.close()


asyncio.run(main(sys.argv[3]))
