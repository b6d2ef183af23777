"""The events of a lifecycle: where their fields come from, and what happens when they cannot be committed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from pydantic import BaseModel

from tests.app.attempts import Attempted, Failed, Succeeded
from tests.reliability.virtual import LoopClock, run
from twofold import App, Command, CommandBus, Event, Failure, Lifecycle, Module, Query, Result, Success
from twofold.errors import Conflict, Decided, Fault, OutcomeUnknown, StoreUnavailable, TimedOut, WiringError
from twofold.store import Batch, Committed, MemoryStore, Store

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Count(Query[int]):
    """A query."""


class Moody:
    """A store that fails at the commits it is told to, before or after it has committed."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.handled = 0
        self.moods: list[BaseException | None] = []
        self.asked: asyncio.Queue[asyncio.Event] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: Batch) -> Committed:
        """Commit, unless it is in a mood."""
        mood = self.moods.pop(0) if self.moods else None
        if isinstance(mood, asyncio.CancelledError):
            decided = mood.__cause__ or Decided(await self._store.commit(batch))
            raise mood from decided
        if self.asked is not None:
            allowed = asyncio.Event()
            await self.asked.put(allowed)
            await allowed.wait()
        if isinstance(mood, OutcomeUnknown):
            await self._store.commit(batch)
        if mood is not None:
            raise mood
        return await self._store.commit(batch)


class Late(Moody):
    """A store whose next commit has begun when the deadline comes."""

    late = False

    async def commit(self, batch: Batch) -> Committed:
        """Commit once whoever waits has given up."""
        if not self.late:
            return await super().commit(batch)
        self.late = False
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as cancelled:
            raise cancelled from Decided(await super().commit(batch))
        raise AssertionError("nobody gave up")


@dataclass(frozen=True, kw_only=True)
class Plain(Command[str]):
    """A command that writes nothing by itself."""

    name: str = "p"


class TestStore:
    """A store that does not answer."""

    @pytest.fixture
    async def store(self) -> Moody:
        return Moody()

    @pytest.fixture
    async def plain(self, store: Moody) -> AsyncIterator[App]:
        async def plain(command: Plain) -> str:
            store.handled += 1
            return "done"

        module = Module("plain")
        module.register(Plain, plain, lifecycle=Lifecycle(attempted=Attempted, succeeded=Succeeded, failed=Failed))
        for message in (Ask, Count):
            module.register(message, _nothing)
        async with App("plain", modules=[module], database=cast("Store", store)) as app:
            yield app

    @pytest.fixture
    async def lost(self) -> AsyncIterator[list[dict[str, Any]]]:
        """What the exception handler of the event loop is told."""
        loop, told = asyncio.get_running_loop(), list[dict[str, Any]]()
        before = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, what: told.append(what))
        yield told
        loop.set_exception_handler(before)

    async def test_what_cannot_be_attempted_is_not_done(self, plain: App, store: Moody) -> None:
        """Nothing happens that nobody would know of."""
        store.moods = [StoreUnavailable("down")]
        assert isinstance((await plain.execute(Plain())).error, StoreUnavailable)
        assert (store.handled, await told(plain)) == (0, [])

    async def test_a_commit_that_fails(self, plain: App, store: Moody) -> None:
        """Is the reason, in words that tell nothing of the store."""
        store.moods = [None, StoreUnavailable("10.0.0.7 is down")]
        await plain.execute(Plain())
        assert await told(plain) == ["attempted p", "failed p store_unavailable: temporarily unavailable"]

    async def test_nobody_is_told_what_nobody_knows(self, plain: App, store: Moody) -> None:
        """A commit whose answer never came has perhaps succeeded, so it has not failed."""
        store.moods = [None, OutcomeUnknown("no answer")]
        assert isinstance((await plain.execute(Plain())).error, OutcomeUnknown)
        assert await told(plain) == ["attempted p", "succeeded p"]

    async def test_a_commit_that_was_carried_through_has_not_failed(self, plain: App, store: Moody) -> None:
        """Though whoever sent the command was cancelled while it committed; of Attempted alone it is a failure."""
        store.moods = [None, asyncio.CancelledError()]
        with pytest.raises(asyncio.CancelledError):
            await plain.execute(Plain())
        store.moods = [asyncio.CancelledError()]
        with pytest.raises(asyncio.CancelledError):
            await plain.execute(Plain(name="q"))
        assert await told(plain) == ["attempted p", "succeeded p", "attempted q", "failed q cancelled"]

    @pytest.mark.parametrize(
        "error, end",
        [
            (Conflict("somebody was faster"), ["failed p conflict: somebody was faster"]),
            (StoreUnavailable("10.0.0.7 is down"), ["failed p store_unavailable: temporarily unavailable"]),
            (OutcomeUnknown("no answer"), []),
        ],
    )
    async def test_a_commit_that_was_refused_is_the_reason(
        self, plain: App, store: Moody, error: Exception, end: list[str]
    ) -> None:
        """Though whoever sent the command was cancelled while it committed, and not when nobody knows."""
        cancelled = asyncio.CancelledError()
        cancelled.__cause__ = Decided(error=error)
        store.moods = [None, cancelled]
        with pytest.raises(asyncio.CancelledError):
            await plain.execute(Plain())
        assert await told(plain) == ["attempted p", *end]

    @pytest.mark.parametrize("cancelled, reason", [(False, "crashed"), (True, "cancelled")])
    async def test_a_command_that_was_left_behind_has_an_end(
        self, lost: list[dict[str, Any]], cancelled: bool, reason: str
    ) -> None:
        """The handler that has sent it did not wait for it, so that nothing was left to join when it ended."""
        started, gate, left = asyncio.Event(), asyncio.Event(), list[asyncio.Task[Any]]()

        async def plain(command: Plain) -> str:
            started.set()
            await gate.wait()
            return "done"

        async def ask(command: Ask, commands: CommandBus) -> Answer:
            left.append(asyncio.create_task(commands.execute(Plain())))
            await started.wait()
            return Answer(number=1)

        module = Module("plain")
        module.register(Plain, plain, lifecycle=Lifecycle(attempted=Attempted, succeeded=Succeeded, failed=Failed))
        module.register(Ask, ask)
        module.register(Count, _nothing)
        async with App("plain", modules=[module], database="memory:") as app:
            with pytest.raises(WiringError, match="await what it sends"):
                await app.execute(Ask())
            gate.set()
            if cancelled:
                left[0].cancel()
            await asyncio.wait(left)
            assert await told(app) == ["attempted p", f"failed p {reason}"]
        assert left[0].cancelled() == cancelled
        assert lost == []

    async def test_failed_is_waited_for_however_often_one_is_cancelled(self, plain: App, store: Moody) -> None:
        """Its commit goes on, and the cancellation comes after it."""
        store.moods = [None, StoreUnavailable("down")]
        store.asked = asyncio.Queue()
        task = asyncio.create_task(plain.execute(Plain()))
        (await store.asked.get()).set()
        (await store.asked.get()).set()
        allowed, store.asked = await store.asked.get(), None
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        allowed.set()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert [line.split()[0] for line in await told(plain)] == ["attempted", "failed"]

    async def test_a_cancellation_stays_one_though_failed_is_lost(
        self, plain: App, store: Moody, lost: list[dict[str, Any]]
    ) -> None:
        """The event loop is told of what is lost, and whoever is cancelled is not given an answer instead."""
        store.moods = [None, StoreUnavailable("first"), StoreUnavailable("second")]
        store.asked = asyncio.Queue()
        task = asyncio.create_task(plain.execute(Plain()))
        (await store.asked.get()).set()
        (await store.asked.get()).set()
        allowed, store.asked = await store.asked.get(), None
        task.cancel()
        await asyncio.sleep(0)
        allowed.set()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        assert [str(what["exception"]) for what in lost] == ["second"]

    async def test_a_time_out_of_the_store_is_not_the_deadline(self, plain: App, store: Moody) -> None:
        """A driver's own TimeoutError is told as what it is: something that is away."""
        store.moods = [TimeoutError("the socket")]
        error: object = (await plain.execute(Plain())).error
        assert type(error) is TimeoutError
        assert store.handled == 0

    def test_attempted_that_was_committed_at_the_deadline_has_an_end(self) -> None:
        """The commit had begun and is carried through, so it was attempted, and it has failed."""
        store, handled = Late(), list[str]()

        async def plain(command: Plain) -> str:
            handled.append(command.name)
            return "done"

        lifecycle = Lifecycle(attempted=Attempted, succeeded=Succeeded, failed=Failed)
        module = Module("plain")
        module.register(Plain, plain, lifecycle=lifecycle, timeout=1)
        for message in (Ask, Count):
            module.register(message, _nothing)

        async def main() -> list[str]:
            async with App("plain", modules=[module], database=cast("Store", store), clock=LoopClock()) as app:
                store.late = True
                assert isinstance((await app.execute(Plain())).error, TimedOut)
                await app.assembly.behind.end()
                return await told(app)

        assert [line.split()[0] for line in run(main())] == ["attempted", "failed"]
        assert handled == []

    async def test_the_outcome_stays_the_answer(self, plain: App, store: Moody, lost: list[dict[str, Any]]) -> None:
        """When Failed cannot be recorded the event loop is told, and whoever asked gets the reason."""
        store.moods = [None, StoreUnavailable("first"), StoreUnavailable("second")]
        result = await plain.execute(Plain())
        assert str(result.error) == "first"
        (what,) = lost
        assert what["message"].startswith("Failed of message ")
        assert str(what["exception"]) == "second"
        assert await told(plain) == ["attempted p"]


async def told(app: App) -> list[str]:
    """The log, in a word for each event, with the reason of what failed."""
    entries = await app.store.log.read(0, until=await app.store.log.head(), limit=1000)
    events = [app.router.catalogue.named(entry.type).decode(entry.data) for entry in entries]
    return [
        " ".join([type(one).__name__.lower(), one.name, *([one.reason] if isinstance(one, Failed) else [])])
        for one in events
    ]


async def _nothing(message: Any) -> Any: ...


class Answer(BaseModel):
    """What a command answers."""

    number: int
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Ask(Command[Answer]):
    """A command with an answer that has fields."""

    name: str = "ask"
    amount: int = 3


@dataclass(frozen=True, kw_only=True)
class Asked(Event):
    """Filled from the command, a default, and nothing else."""

    name: str
    amount: float
    extra: str = "as it is"


class Answered(BaseModel, Event):
    """Filled from the command and from fields of the result."""

    name: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Whole(Event):
    """Filled with the result as a whole."""

    result: Answer


@dataclass(frozen=True, kw_only=True)
class Unfillable(Event):
    """Has a field that there is nothing for."""

    name: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class Unfit(Event):
    """Has a field that the command has in another type."""

    amount: str


def asking(lifecycle: Any, answer: Callable[..., Any] | None = None) -> App:
    """An application with a command and its lifecycle."""

    async def ask(command: Ask) -> Result[Answer, str]:
        return Success(Answer(number=7)) if command.amount else Failure("nothing")

    module = Module("asking")
    module.register(Ask, answer or ask, lifecycle=lifecycle)
    for message in (Count, Plain):
        module.register(message, _nothing)
    return App("asking", modules=[module], database="memory:")


async def recorded(app: App, command: Ask) -> list[Any]:
    """The events of a command."""
    async with app:
        await app.execute(command)
        entries = await app.store.log.read(0, until=await app.store.log.head(), limit=10)
        return [app.router.catalogue.named(entry.type).decode(entry.data) for entry in entries]


class TestFilling:
    """Where the fields of the events come from."""

    async def test_by_name(self) -> None:
        """From the command, from what it answers, and from neither where there is a default."""
        app = asking(Lifecycle(attempted=Asked, succeeded=Answered))
        assert await recorded(app, Ask()) == [Asked(name="ask", amount=3), Answered(name="ask", number=7)]

    async def test_the_whole_result(self) -> None:
        """As `result`; any of the three may be left out."""
        assert await recorded(asking(Lifecycle(succeeded=Whole)), Ask()) == [Whole(result=Answer(number=7))]

    async def test_by_a_function(self) -> None:
        """Of the command, and of the result or the reason if it takes them."""

        def tried(command: Ask) -> Asked:
            return Asked(name="tried", amount=command.amount)

        def done(command: Ask, result: Answer) -> Answered:
            return Answered(name="done", number=result.number + command.amount)

        def broke(command: Ask, reason: str) -> Failed:
            return Failed(name=command.name, reason=reason.upper())

        told = Lifecycle(attempted=tried, succeeded=done, failed=broke)
        assert await recorded(asking(told), Ask()) == [Asked(name="tried", amount=3), Answered(name="done", number=10)]
        events = await recorded(asking(told), Ask(amount=0))
        assert events == [Asked(name="tried", amount=0), Failed(name="ask", reason="REFUSED: NOTHING")]

    async def test_the_normalised_command_is_told_of(self) -> None:
        """As its handler sees it."""
        app = asking(Lifecycle(attempted=Asked))
        assert await recorded(app, Ask(amount="5")) == [Asked(name="ask", amount=5.0)]  # type: ignore[arg-type]  # a text

    @pytest.mark.parametrize(
        "lifecycle, code, text",
        [
            (Lifecycle(attempted=Unfillable), "unfilled_event", "nothing fills Unfillable.colour"),
            (Lifecycle(succeeded=Unfillable), "unfilled_event", "nor has what it answers"),
            (Lifecycle(attempted=Answered), "unfilled_event", "Answered.number"),
            (Lifecycle(attempted=Failed), "unfilled_event", "Failed.reason"),
            (Lifecycle(attempted=Unfit), "unfilled_event", "Unfit.amount, str, from the command, where it is int"),
            (Lifecycle(succeeded=Succeeded), "unfilled_event", "Succeeded.result, str, from the result"),
            (Lifecycle(attempted=lambda command: None), "wrong_lifecycle", "does not say which one"),
            ("Attempted", "wrong_lifecycle", "lifecycle='Attempted'"),
        ],
    )
    def test_what_could_not_be_filled_is_told_at_the_start(self, lifecycle: Any, code: str, text: str) -> None:
        """By the field, before a command has run."""
        (fault,) = asking(lifecycle).check()
        assert fault.code == code
        assert text in fault.text

    def test_a_function_that_wants_too_much(self) -> None:
        """Is told at the start, and so is one that would have to be awaited."""

        def wants(command: Ask, result: Answer) -> Failed:
            return Failed(name="x", reason="y")

        async def waits(command: Ask) -> Asked:
            return Asked(name="x", amount=1)

        codes = [asking(Lifecycle(failed=wants)).check()[0], asking(Lifecycle(attempted=waits)).check()[0]]
        assert [one.code for one in codes] == ["wrong_lifecycle", "async_mistake"]

    def test_an_event_has_to_be_one(self) -> None:
        """A command in its place is a fault, as is what is no message at all."""
        faults: list[Fault] = asking(Lifecycle(attempted=Ask)).check()
        assert faults

    def test_nothing_to_tell(self) -> None:
        """A lifecycle that tells nothing, or what is neither an event nor a function, is refused where it is made."""
        with pytest.raises(WiringError, match="tells nothing"):
            Lifecycle()
        wrong: Any = "attempted"
        with pytest.raises(WiringError, match="neither an event nor a function"):
            Lifecycle(attempted=wrong)

    def test_only_commands_have_one(self) -> None:
        """A query leaves no trace, so it is a fault there."""
        module = Module("counting")

        async def count(query: Count) -> int:
            return 0

        module.register(Count, count, lifecycle=Lifecycle(attempted=Attempted))
        for message in (Plain, Ask):
            module.register(message, _nothing)
        (fault,) = App("counting", modules=[module], database="memory:").check()
        assert fault.code == "useless_option"
