"""Messages that can be changed are taken, and are nobody else's to change."""

from dataclasses import dataclass, field

import pytest

from twofold import App, Command, Event, EventBus, Module

pytestmark = pytest.mark.anyio


@dataclass
class Note(Command[None]):
    """A message that can be changed."""

    words: list[str] = field(default_factory=list[str])


@dataclass
class Noted(Event):
    """An event that can be changed."""

    words: list[str] = field(default_factory=list[str])


async def test_a_message_that_can_be_changed_is_changed_for_nobody_else() -> None:
    """Its handler has a copy, and the log has what was recorded when it was."""
    notes, seen = Module("notes"), list[list[str]]()

    async def note(command: Note, events: EventBus) -> None:
        event = Noted(words=["first"])
        await events.publish(event)
        event.words.append("later")
        command.words.append("changed")

    async def react(event: Noted) -> None:
        seen.append(event.words)

    notes.handler(note)
    notes.on(Noted)(react)
    sent = Note(words=["sent"])
    async with App("notes", modules=[notes], database="memory:") as app:
        (await app.execute(sent)).unwrap()
        await app.settle()
    assert (sent.words, seen) == (["sent"], [["first"]])
