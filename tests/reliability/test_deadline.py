"""Deadlines: they only come nearer, end what is late, and leave every other cancellation alone."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reliability.virtual import LoopClock, run, settle
from twofold.errors import TimedOut, WiringError
from twofold.reliability import Deadlines, Timeout, deadline_of

TIMES = st.none() | st.floats(0, 100)


@given(parent=TIMES, timeouts=st.lists(st.none() | st.floats(0.1, 100), max_size=5), now=st.floats(0, 100))
def test_a_deadline_only_comes_nearer(parent: float | None, timeouts: list[float | None], now: float) -> None:
    """On the way down it is the earliest of all, and none only when there is none at all."""
    deadline = parent
    for timeout in timeouts:
        deadline = deadline_of(deadline, timeout, now)
    moments = [parent, *(None if timeout is None else now + timeout for timeout in timeouts)]
    assert deadline == min((moment for moment in moments if moment is not None), default=None)


def test_a_block_ends_at_its_deadline() -> None:
    """With a typed error, at its time by the application's clock, which is not that of the loop."""

    async def main() -> float:
        clock = LoopClock()
        with pytest.raises(TimedOut), Deadlines(clock).within(clock.monotonic() + 5):
            await asyncio.sleep(60)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(5)


def test_a_block_that_is_late_already_is_not_entered() -> None:
    """Work that nobody waits for any more is not begun."""

    async def main() -> None:
        clock = LoopClock()
        with pytest.raises(TimedOut), Deadlines(clock).within(clock.monotonic()):
            raise AssertionError("entered")

    run(main())


def test_a_block_that_is_done_in_time_is_left_alone() -> None:
    """Nothing is cancelled afterwards, however long the task goes on."""

    async def main() -> None:
        clock = LoopClock()
        deadlines = Deadlines(clock)
        with deadlines.within(clock.monotonic() + 5), deadlines.within(None):
            await asyncio.sleep(4)
        await asyncio.sleep(60)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(main())


def test_a_time_out_of_the_block_itself_is_its_own_business() -> None:
    """A driver's `TimeoutError` passes through as it is."""

    async def main() -> None:
        clock = LoopClock()
        with pytest.raises(TimeoutError) as caught, Deadlines(clock).within(clock.monotonic() + 5):
            raise TimeoutError("the driver's")
        assert not isinstance(caught.value, TimedOut)

    run(main())


def test_a_cancellation_from_outside_is_never_swallowed() -> None:
    """Neither alone nor when it comes at the very moment of the deadline."""

    async def main(delay: float) -> bool:
        clock = LoopClock()

        async def work() -> None:
            with Deadlines(clock).within(clock.monotonic() + 5):
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await settle()
        asyncio.get_running_loop().call_later(delay, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert run(main(1))
    assert run(main(5))


def test_what_is_left_behind_is_thrown_out() -> None:
    """Deadlines far away do not pile up while blocks come and go."""

    async def main() -> int:
        clock = LoopClock()
        deadlines = Deadlines(clock)
        with deadlines.within(clock.monotonic() + 3600):
            for _ in range(10_000):
                with deadlines.within(clock.monotonic() + 60):
                    pass
        return len(deadlines._heap)

    assert run(main()) < 200


def test_another_loop_starts_anew() -> None:
    """What a loop that is gone has left behind rings no bell in the next one."""
    deadlines, clock = Deadlines(LoopClock()), LoopClock()

    async def main(ends: bool) -> None:
        with deadlines.within(clock.monotonic() + 5):
            await asyncio.sleep(60 if ends else 1)

    with pytest.raises(TimedOut):
        run(main(ends=True))
    run(main(ends=False))
    with pytest.raises(TimedOut):
        run(main(ends=True))


def test_outside_a_task_there_is_nothing_to_cancel() -> None:
    """That is a mistake, and said so."""

    async def main() -> BaseException | None:
        loop, clock = asyncio.get_running_loop(), LoopClock()
        raised: asyncio.Future[BaseException] = loop.create_future()

        def outside() -> None:
            try:
                with Deadlines(clock).within(clock.monotonic() + 5):
                    pass
            except RuntimeError as error:
                raised.set_result(error)

        loop.call_soon(outside)
        return await raised

    assert "needs a task" in str(run(main()))


@dataclass(frozen=True)
class Program:
    """A block with a deadline, what is done in it, and whether its error is caught."""

    seconds: float
    steps: "tuple[Program | float, ...]"
    catches: bool


SPANS = st.sampled_from([0.5, 1.0, 1.25, 2.0, 3.5])
PROGRAMS = st.recursive(
    st.builds(Program, SPANS, st.tuples(SPANS), st.booleans()),
    lambda inner: st.builds(Program, SPANS, st.lists(inner | SPANS, max_size=3).map(tuple), st.booleans()),
    max_leaves=6,
)
Within = Callable[[float], AbstractAsyncContextManager[None]]


@given(programs=st.lists(PROGRAMS, min_size=1, max_size=3), cancelled_at=st.none() | st.sampled_from([0.3, 1.1, 2.1]))
def test_they_are_what_the_timeouts_of_asyncio_are(programs: list[Program], cancelled_at: float | None) -> None:
    """Nested, side by side, caught or not, cancelled from outside or not: the same ends at the same times."""
    assert run(_story(programs, cancelled_at, ours=True)) == run(_story(programs, cancelled_at, ours=False))


async def _story(programs: list[Program], cancelled_at: float | None, *, ours: bool) -> list[tuple[str, float, str]]:
    loop, clock, told = asyncio.get_running_loop(), LoopClock(), list[tuple[str, float, str]]()
    deadlines = Deadlines(clock)

    @asynccontextmanager
    async def our_own(seconds: float) -> AsyncGenerator[None]:
        with deadlines.within(clock.monotonic() + seconds):
            yield

    @asynccontextmanager
    async def of_asyncio(seconds: float) -> AsyncGenerator[None]:
        async with asyncio.timeout(seconds):
            yield

    within: Within = our_own if ours else of_asyncio

    async def play(name: str, program: Program) -> None:
        try:
            async with within(program.seconds):
                for number, step in enumerate(program.steps):
                    if isinstance(step, Program):
                        await play(f"{name}.{number}", step)
                    else:
                        await asyncio.sleep(step)
            told.append((name, round(loop.time(), 3), "done"))
        except (TimedOut, TimeoutError):
            told.append((name, round(loop.time(), 3), "late"))
            if not program.catches:
                raise

    tasks = [asyncio.create_task(play(str(number), program)) for number, program in enumerate(programs)]
    if cancelled_at is not None:
        loop.call_later(cancelled_at, tasks[0].cancel)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    names = ["late" if isinstance(end, TimeoutError | TimedOut) else type(end).__name__ for end in ends]
    return sorted(told) + [("end", 0.0, name) for name in names]


def test_a_timeout_is_read_from_a_number() -> None:
    """Or from a text of one; nothing else makes sense."""
    assert Timeout.of(1.5) == Timeout.of("1.5") == Timeout.of(Timeout(seconds=1.5))
    for wrong in (0, -1, "soon", True, float("inf"), None):
        with pytest.raises(WiringError, match="expected a number greater than 0, in seconds"):
            Timeout.of(wrong)
