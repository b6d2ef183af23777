"""A talk that can be followed: what was said last in a room, and everything that is said there."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from twofold import App, Command, Event, Module, Principal, Query, Result, Rows, Success, Tag, Unavailable, UnitOfWork
from twofold.messages import Feed
from twofold.web import Streams

QUICK = Streams(heartbeat=0.05, pause=0.001)
"""For what is to be looked at again soon."""

SLOW = Streams(heartbeat=600, pause=0.001)
"""For what only an event is to bring forward."""


@dataclass(frozen=True, kw_only=True)
class Say(Command[None]):
    """Say something in a room."""

    room: str = "hall"
    text: str


@dataclass(frozen=True, kw_only=True)
class Cough(Command[None]):
    """Is recorded, and nobody asks for it."""


@dataclass(frozen=True, kw_only=True)
class LastWords(Query["str | None"]):
    """What was said last."""

    room: str = "hall"


@dataclass(frozen=True, kw_only=True)
class CountCoughs(Query[int]):
    """Is asked again at any event."""


@dataclass(frozen=True, kw_only=True)
class FollowTalk(Query[Feed]):
    """What is being said."""

    room: str = "hall"
    after: int | None = None


@dataclass(frozen=True, kw_only=True)
class Said(Event):
    """Somebody said something."""

    room: Annotated[str, Tag("room")]
    text: str


@dataclass(frozen=True, kw_only=True)
class Coughed(Event):
    """Somebody coughed."""


@dataclass
class Talk:
    """What handlers and policies look at, and tests change."""

    words: dict[str, str] = field(default_factory=dict[str, str])
    allowed: bool = True
    trouble: Exception | None = None
    asked: int = 0
    coughs: int = 0


def talk_app(talk: Talk, *, reading: bool = False, **options: Any) -> App:
    """The talk as an application that keeps nothing; on request its query says that it reads a projection."""
    module = Module("talk")
    module.provide(Talk, talk)

    def allowed(who: Principal | None, talk: Talk) -> bool:
        return talk.allowed

    @module.handler
    async def say(command: Say, unit: UnitOfWork, talk: Talk) -> None:
        unit.append(f"room-{command.room}", Said(room=command.room, text=command.text))
        talk.words[command.room] = command.text

    @module.handler
    async def cough(command: Cough, unit: UnitOfWork, talk: Talk) -> None:
        talk.coughs += 1
        unit.append("coughs", Coughed())

    @module.handler(live=True, authorize=allowed, reads=["words"] if reading else None)
    async def last_words(query: LastWords, talk: Talk) -> Result[str | None, Unavailable]:
        talk.asked += 1
        if talk.trouble is not None:
            raise talk.trouble
        return Success(talk.words.get(query.room))

    @module.handler(live=True)
    async def count_coughs(query: CountCoughs, talk: Talk) -> int:
        return talk.coughs

    @module.handler(authorize=allowed)
    async def follow_talk(query: FollowTalk, talk: Talk) -> Feed:
        talk.asked += 1
        return Feed(events=(Said,), tags=frozenset({f"room:{query.room}"}), after=query.after)

    if reading:

        @module.projection("words", tables=["words"])
        class Words:
            def said(self, event: Said, rows: Rows) -> None:
                rows.upsert("words", {"room": event.room}, text=event.text)

    module.events(Said, Coughed)
    return App("talk", modules=[module], **{"database": "memory:", **options})
