"""Several processes share evenly what there is to follow; no two of them follow one thing, and a stable set rests."""

from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack
from random import Random

import pytest

from tests.subscriptions.counting import Counter
from twofold.clock import SystemClock
from twofold.store import NOBODY, MemoryStore
from twofold.subscriptions import Cut, Owner
from twofold.subscriptions._hold import Hold
from twofold.subscriptions._reach import Reach

pytestmark = pytest.mark.anyio
LEASE = 4.0
SIX = [f"reaction[{part}/6]" for part in range(6)]


class Process:
    """A process that is taken through its rounds by hand."""

    def __init__(self, office: "Office", name: str, follows: Iterable[str]) -> None:
        self.owner = Owner(office.store.checkpoints, lease=LEASE, name=name, now=lambda: office.now)
        self._office = office
        self._follows = dict[str, tuple[Hold, ExitStack]]()
        for one in follows:
            stack = ExitStack()
            stack.enter_context(self.owner.following(one))
            hold = Hold(Counter(office.store, name=one), Cut(one), office.store, office.store, self.owner, _reach())
            self._follows[one] = hold, stack

    @property
    def holds(self) -> list[str]:
        """What it would handle events for now."""
        return [name for name, (hold, _) in self._follows.items() if hold.checkpoint is not None]

    async def beat(self) -> None:
        """Show life, and look who has what."""
        await self.owner.show()
        await self.owner.share()

    async def step(self, name: str) -> None:
        """Take the step of one subscription."""
        if name in self._follows:
            await self._follows[name][0].take()

    def unable(self, name: str) -> None:
        """Follow something no more, as it is when a new version takes the place."""
        _, stack = self._follows.pop(name)
        stack.close()

    async def leave(self) -> None:
        """End, and give everything back."""
        for name in list(self._follows):
            self.unable(name)
        self.owner.stop()
        await self.owner.run()


class Office:
    """A store, a clock that stands still between two moments, and the processes that live."""

    def __init__(self, store: MemoryStore, seed: int = 0) -> None:
        self.store = store
        self.now = 1000.0
        self.living = dict[str, Process]()
        self._random = Random(seed)

    def join(self, name: str, follows: Iterable[str] = SIX) -> Process:
        """One more process."""
        self.living[name] = Process(self, name, follows)
        return self.living[name]

    async def pass_time(self, leases: float) -> None:
        """Let everybody do what they do four times in a lease, in any order."""
        for _ in range(round(leases * 4)):
            doings = [(one, name) for one in self.living.values() for name in ("beat", *SIX)]
            self._random.shuffle(doings)
            for process, name in doings:
                await (process.beat() if name == "beat" else process.step(name))
                self.nobody_follows_what_another_one_does()
            self.now += LEASE / 4

    def nobody_follows_what_another_one_does(self) -> None:
        """At no moment."""
        held = [name for process in self.living.values() for name in process.holds]
        assert len(held) == len(set(held))

    @property
    def shares(self) -> dict[str, int]:
        """How much each has."""
        return {name: len(process.holds) for name, process in self.living.items()}

    async def tokens(self) -> dict[str, int]:
        """What changes whenever something changes its owner, or is asked for."""
        return {one.name: one.token for one in await self.store.checkpoints.all()}


async def _promised(office: Office) -> tuple[Process, Process, str]:
    """Somebody who has everything, somebody who asks, and something that the first is about to hand over."""
    one = office.join("one")
    await office.pass_time(1)
    two = office.join("two")
    for _ in range(2):
        await two.beat()
        await one.beat()
    return one, two, SIX[-1]


def _reach() -> Reach:
    return Reach(SystemClock())


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """An office of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield Office(store)
    await store.stop()


async def test_whoever_joins_gets_its_share(office: Office) -> None:
    """The second has half of it within three leases, and the third a third."""
    office.join("one")
    await office.pass_time(1)
    assert office.shares == {"one": 6}
    office.join("two")
    await office.pass_time(3)
    assert office.shares == {"one": 3, "two": 3}
    office.join("three")
    await office.pass_time(3)
    assert office.shares == {"one": 2, "two": 2, "three": 2}


async def test_whoever_was_frozen_lets_go_of_everything_and_takes_over_again(office: Office) -> None:
    """Whichever of its subscriptions wakes up first; when the other one dies it goes on with all of them."""
    frozen = office.join("one")
    await office.pass_time(1)
    del office.living["one"]
    office.join("two")
    await office.pass_time(2)
    assert office.shares == {"two": 6}
    for name in SIX:
        await frozen.step(name)
    assert frozen.holds == []
    del office.living["two"]
    office.living["one"] = frozen
    await office.pass_time(1.5)
    assert office.shares == {"one": 6}


async def test_an_owner_whose_clock_stood_still_with_it_notices_by_itself(office: Office) -> None:
    """The machine was frozen, so it still believes itself within its lease: what is another's by now says otherwise."""
    frozen = office.join("one")
    await office.pass_time(1)
    await frozen.owner.show()
    for name in SIX[:2]:
        await office.store.checkpoints.claim(await office.store.checkpoints.get(name), "another")
    await frozen.owner.share()
    for name in SIX:
        await frozen.step(name)
    assert frozen.holds == SIX[2:]


async def test_when_one_leaves_the_others_take_over_at_once(office: Office) -> None:
    """They need not wait for a lease; when one dies they do, and in the end they have the same again."""
    for name in ("one", "two", "three"):
        office.join(name)
    await office.pass_time(6)
    await office.living.pop("two").leave()
    await office.pass_time(0.25)
    assert sum(office.shares.values()) == 6
    await office.pass_time(3)
    assert office.shares == {"one": 3, "three": 3}
    office.living.pop("three")
    await office.pass_time(1.5)
    assert office.shares == {"one": 6}


async def test_a_stable_set_does_not_move(office: Office) -> None:
    """Where it cannot be more even it is left as it is: six among four, and one among two."""
    for name in ("one", "two", "three", "four"):
        office.join(name)
    await office.pass_time(8)
    assert sorted(office.shares.values()) == [1, 1, 2, 2]
    before = await office.tokens()
    await office.pass_time(30)
    assert await office.tokens() == before


async def test_nothing_is_given_to_whoever_is_dead(office: Office) -> None:
    """It has asked, and died: what it asked for stays where it is, and others may ask for it."""
    office.join("one")
    await office.pass_time(1)
    dead = office.join("dead")
    await dead.beat()
    await office.living.pop("dead").owner.show()
    await office.pass_time(3)
    assert office.shares == {"one": 6}
    office.join("two")
    await office.pass_time(3)
    assert office.shares == {"one": 3, "two": 3}


async def test_nothing_is_given_to_whoever_has_just_left(office: Office) -> None:
    """It was promised, and the other one has ended before the step in which it is handed over."""
    one, two, promised = await _promised(office)
    await two.leave()
    await one.step(promised)
    assert promised in one.holds


async def test_what_nobody_can_follow_there_is_given_back(office: Office) -> None:
    """It was handed over in the moment in which the other one began to follow something else."""
    one, two, promised = await _promised(office)
    two.unable(promised)
    await one.step(promised)
    assert (await office.store.checkpoints.get(promised)).owner == "two"
    await office.pass_time(1)
    assert promised in one.holds


async def test_only_those_that_can_follow_it_are_asked_and_given(office: Office) -> None:
    """Two applications on one store: each shares among its own processes."""
    office.join("one", SIX[:4])
    office.join("other", SIX[4:])
    await office.pass_time(4)
    assert office.shares == {"one": 4, "other": 2}
    office.join("two", SIX[:4])
    await office.pass_time(3)
    assert office.shares == {"one": 2, "other": 2, "two": 2}


@pytest.mark.parametrize("seed", range(20))
async def test_whoever_comes_and_goes_it_ends_even_and_nothing_is_followed_twice(office: Office, seed: int) -> None:
    """Random joins, departures and deaths, and everybody acts in any order."""
    random = Random(seed)
    office = Office(office.store, seed)
    for number in range(12):
        names = list(office.living)
        if not names or (len(names) < 6 and random.random() < 0.6):
            office.join(f"process {number}")
        elif random.random() < 0.5:
            await office.living.pop(random.choice(names)).leave()
        else:
            office.living.pop(random.choice(names))
        await office.pass_time(random.choice([0.25, 1, 3]))
    if not office.living:
        office.join("last")
    await office.pass_time(12)
    shares = office.shares.values()
    assert sum(shares) == 6
    assert max(shares) - min(shares) <= 1
    before = await office.tokens()
    await office.pass_time(6)
    assert await office.tokens() == before
    for process in list(office.living.values()):
        await process.leave()
    assert {(await office.store.checkpoints.get(name)).owner for name in SIX} == {NOBODY}
