"""A bulkhead: so many at once, so many waiting, in turn, and no place is ever lost."""

import asyncio
from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.reliability.virtual import LoopClock, VirtualLoop, by_type, run, settle
from twofold.errors import BulkheadFull, TimedOut, WiringError
from twofold.reliability import Bulkhead, Compartment, Deadlines, LocalBulkheads


def _compartment(concurrent: int, waiting: int) -> Compartment:
    settings = Bulkhead(concurrent=concurrent, waiting=waiting)
    return LocalBulkheads(by_type({int: settings}), timeouts=Deadlines(LoopClock())).of(int)


def test_when_the_queue_is_full_the_next_one_is_told_at_once() -> None:
    """With how many run and wait, and when to try again; nobody waits without a bound."""

    async def main() -> None:
        compartment = _compartment(1, 1)
        await compartment.enter()
        waiting = asyncio.create_task(compartment.enter())
        await settle()
        with pytest.raises(BulkheadFull) as caught:
            await compartment.enter()
        assert (caught.value.concurrent, caught.value.waiting) == (1, 1)
        assert caught.value.retry_after > 0
        compartment.leave()
        await waiting

    run(main())


def test_without_a_queue_nobody_waits() -> None:
    """As many as there are places run, and the next is told at once."""

    async def main() -> None:
        compartment = _compartment(2, 0)
        await compartment.enter()
        await compartment.enter()
        with pytest.raises(BulkheadFull):
            await compartment.enter()
        compartment.leave()
        await compartment.enter()

    run(main())


def test_nobody_waits_past_the_deadline() -> None:
    """Who is late gives up the place in the queue, and the next one gets it."""

    async def main() -> float:
        compartment, clock = _compartment(1, 1), LoopClock()
        await compartment.enter()
        with pytest.raises(TimedOut):
            await compartment.enter(clock.monotonic() + 3)
        ended = asyncio.get_running_loop().time()
        waiting = asyncio.create_task(compartment.enter())
        await settle()
        compartment.leave()
        await waiting
        return ended

    assert run(main()) == pytest.approx(3)


def test_who_comes_later_does_not_overtake() -> None:
    """A place that is given back belongs to who waits longest, also before that one has woken up."""

    async def main() -> None:
        compartment = _compartment(1, 1)
        await compartment.enter()
        waiting = asyncio.create_task(compartment.enter())
        await settle()
        compartment.leave()
        late = asyncio.create_task(compartment.enter())
        await settle()
        assert waiting.done()
        assert not late.done()
        compartment.leave()
        await late

    run(main())


@pytest.mark.parametrize("handed_over", [False, True])
def test_who_is_cancelled_keeps_no_place(handed_over: bool) -> None:
    """Neither in the queue nor, when it had just been handed over, the one to run in."""

    async def main() -> None:
        compartment = _compartment(1, 2)
        await compartment.enter()
        first, second = (asyncio.create_task(compartment.enter()) for _ in range(2))
        await settle()
        if handed_over:
            compartment.leave()
        first.cancel()
        await settle()
        assert first.cancelled()
        assert second.done() is handed_over
        if not handed_over:
            compartment.leave()
        await second
        compartment.leave()
        await compartment.enter()

    run(main())


def test_a_place_is_not_handed_to_who_has_just_been_cancelled() -> None:
    """It goes to the next one, also when the cancelled one has not woken up yet."""

    async def main() -> None:
        compartment = _compartment(1, 2)
        await compartment.enter()
        first, second = (asyncio.create_task(compartment.enter()) for _ in range(2))
        await settle()
        first.cancel()
        compartment.leave()
        await second
        assert first.cancelled()

    run(main())


def test_leaving_more_often_than_entering_is_a_bug() -> None:
    """It would make room for more than may run, so it is told."""

    async def main() -> None:
        compartment = _compartment(1, 0)
        with pytest.raises(RuntimeError, match="more often than it is entered"):
            compartment.leave()

    run(main())


def test_types_may_share_one() -> None:
    """By name, as those that use one pool of connections do."""
    shared = Bulkhead(concurrent=1, name="pool")
    bulkheads = LocalBulkheads(by_type({int: shared, str: shared, bytes: Bulkhead.of(1)}))
    assert bulkheads.of(int) is bulkheads.of(str)
    assert bulkheads.of(int) is not bulkheads.of(bytes)


def test_a_bulkhead_is_read_from_a_number() -> None:
    """Which says how many run; as many may wait."""
    assert Bulkhead.of(20) == Bulkhead.of("20") == Bulkhead(concurrent=20, waiting=20)
    for wrong in (0, -1, 1.5, True, "many", None):
        with pytest.raises(WiringError, match="expected a whole number of at least 1"):
            Bulkhead.of(wrong)
    with pytest.raises(WiringError, match="at least 0"):
        Bulkhead(concurrent=1, waiting=-1)


class BulkheadMachine(RuleBasedStateMachine):
    """A bulkhead against two numbers and a queue."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.clock = LoopClock()
        self.compartment = _compartment(2, 2)
        self.inside = 0
        self.queue = deque[tuple[asyncio.Task[None], float]]()

    def teardown(self) -> None:
        self.runner.close()

    @rule(patience=st.sampled_from([1, 3, 100]))
    def enter(self, patience: float) -> None:
        async def come() -> asyncio.Task[None]:
            task = asyncio.create_task(self.compartment.enter(self.clock.monotonic() + patience))
            await settle()
            return task

        task = self.runner.run(come())
        if self.inside < 2:
            assert task.done()
            assert task.exception() is None
            self.inside += 1
        elif len(self.queue) == 2:
            assert isinstance(task.exception(), BulkheadFull)
        else:
            assert not task.done()
            self.queue.append((task, self.runner.get_loop().time() + patience))

    @precondition(lambda self: self.inside)
    @rule(cancels=st.booleans())
    def leave(self, cancels: bool) -> None:
        async def go() -> None:
            self.compartment.leave()
            if cancels and self.queue:
                self.queue[0][0].cancel()
            await settle()

        self.runner.run(go())
        self.inside -= 1
        if cancels and self.queue:
            assert self.queue.popleft()[0].cancelled()
        if self.queue:
            assert self.queue.popleft()[0].exception() is None
            self.inside += 1

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        async def stop() -> None:
            one[0].cancel()
            await settle()

        one = self.queue[data.draw(st.integers(0, len(self.queue) - 1))]
        self.runner.run(stop())
        assert one[0].cancelled()
        self.queue.remove(one)

    @rule(seconds=st.sampled_from([0.5, 2, 5]))
    def wait(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))
        self.runner.run(settle())
        for one in list(self.queue):
            if one[1] <= self.runner.get_loop().time():
                assert isinstance(one[0].exception(), TimedOut)
                self.queue.remove(one)

    @invariant()
    def the_rest_waits_on(self) -> None:
        assert [task.done() for task, _ in self.queue] == [False] * len(self.queue)


TestBulkheadMachine = BulkheadMachine.TestCase
TestBulkheadMachine.settings = settings(max_examples=50)
