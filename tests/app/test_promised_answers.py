"""What a command answers is what was promised, or nothing is done: where a door would write the answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import PlainSerializer

from tests.web.shop import client_of, recorded
from twofold import App, Command, CommandBus, Event, EventBus, Module, Query
from twofold.app.replay import replaying
from twofold.app.sending import send, sendable
from twofold.errors import WiringError
from twofold.messages import Kind, Origin
from twofold.testing import given

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Rang(Event):
    pass


@dataclass(frozen=True, kw_only=True)
class Ring(Command[UUID]):
    answer: str = ""


@dataclass(frozen=True, kw_only=True)
class Count(Query[int]):
    pass


bells = Module("bells")
ID = UUID(int=7)
ANSWERS: dict[str, Any] = {"id": ID, "text": str(ID), "number": 7, "nothing": None}


@bells.handler
async def ring(command: Ring, events: EventBus) -> UUID:
    await events.publish(Rang())
    answer: UUID = ANSWERS[command.answer]
    return answer


@bells.handler
async def count(query: Count) -> int:
    return "many"  # type: ignore[return-value]  # a promise that is broken


@pytest.fixture
def app() -> App:
    return App("bells", modules=[bells], database="memory:")


async def over_http(app: App, answer: str) -> object:
    async with client_of(app, app.http()) as client:
        sent = await client.post("/commands/ring", json={"answer": answer})
        return sent.json() if sent.is_success else sent.status_code


async def by_the_shell(app: App, answer: str) -> object:
    try:
        sent = await send(app, sendable(app, "ring", Kind.COMMAND), typed={"answer": answer})
    except WiringError:
        return 500
    return str(sent.result.unwrap())


Door = Callable[[App, str], Awaitable[object]]


@pytest.mark.parametrize("door", [over_http, by_the_shell])
@pytest.mark.parametrize(
    "answer, told, events", [("id", str(ID), 1), ("text", str(ID), 1), ("number", 500, 0), ("nothing", 500, 0)]
)
async def test_what_breaks_its_promise_is_not_done(
    app: App, door: Door, answer: str, told: object, events: int
) -> None:
    """Nor is what it has written; what can be brought into shape is as good as promised."""
    async with app:
        assert await door(app, answer) == told
        assert len(await recorded(app)) == events
        outcomes = [entry.outcome async for entry in app.audit.entries()]
    assert outcomes == ["success" if events else "crashed"]


async def test_in_python_nobody_looks() -> None:
    """Whoever sends a command there has the answer as it is; so has a handler that sends another one."""

    class Clapper:
        """Has no form in JSON."""

    @dataclass(frozen=True, kw_only=True)
    class Unhang(Command[Clapper]):
        pass

    async def unhang(command: Unhang, commands: CommandBus) -> Any:
        assert (await commands.execute(Ring(answer="number"))).is_success
        return Clapper()

    tower = Module("tower")
    tower.register(Unhang, unhang)
    async with App("bells", modules=[bells, tower], database="memory:") as app:
        assert (await app.execute(Ring(answer="number"))).unwrap() == 7
        assert isinstance((await app.execute(Unhang(), origin=Origin(source="http"))).unwrap(), Clapper)
        assert len(await recorded(app)) == 2


async def test_a_query_that_breaks_its_promise_is_told_as_a_crash_everywhere(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """What counts messages, and what logs them, hears of it like whoever has asked."""
    counted = list[tuple[str, str]]()

    class Meter:
        def record(self, kind: str, message: str, outcome: str, seconds: float) -> None:
            counted.append((message, outcome))

    app.observe(meter=Meter())
    async with client_of(app, app.http()) as client:
        assert (await client.get("/queries/count")).status_code == 500
    assert counted == [("count", "crashed")]
    assert "count: a str was answered, which is no <class 'int'>: it (int_parsing)" in caplog.text


async def test_a_test_of_an_application_sees_it(app: App) -> None:
    """What is sent there comes by a door, as it will."""
    with pytest.raises(WiringError, match="a int was answered"):
        await given(app).when(Ring(answer="number")).then(Rang())


@pytest.mark.parametrize("door", [over_http, by_the_shell])
async def test_a_replay_comes_to_the_same(tmp_path: Path, door: Door) -> None:
    """A command that broke its promise breaks it again, as it came by the same door."""
    app = App("bells", modules=[bells], database=tmp_path / "bells.db")
    async with app:
        assert await door(app, "number") == 500
    async with replaying(app) as replays:
        (entry,) = [one async for one in replays.audit.entries(message="ring")]
        replay = await replays.of(entry)
    assert (replay.outcome, replay.code, replay.same) == ("crashed", "WiringError", True)


async def test_what_was_proven_is_what_is_sent() -> None:
    """It is written once, though it is looked at before the commit and sent behind it."""
    written = list[str]()

    def shout(text: str) -> str:
        written.append(text)
        return text.upper()

    @dataclass(frozen=True, kw_only=True)
    class Shout(Command[Annotated[str, PlainSerializer(shout)]]):
        pass

    @dataclass(frozen=True, kw_only=True)
    class Listen(Query[Annotated[str, PlainSerializer(shout)]]):
        pass

    async def answer(message: Shout | Listen) -> Any:
        return "ding"

    tower = Module("tower")
    tower.register(Shout, answer)
    tower.register(Listen, answer)
    app = App("tower", modules=[bells, tower], database="memory:")
    async with client_of(app, app.http()) as client:
        assert (await client.post("/commands/shout", json={})).json() == "DING"
        assert (await client.get("/queries/listen")).json() == "DING"
    assert written == ["ding", "ding"]
