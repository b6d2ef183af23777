"""The state machine: random histories, some of them concurrent, of a store and of a model of one page."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from twofold.errors import CheckpointMoved, Conflict
from twofold.store import ANY_VERSION, Append, Batch, Checkpoint, Condition, Move, Selection, Store, selected
from twofold.testing._store_case import draft
from twofold.testing.model._model import Outcome, StoreModel


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """A unit of work, right or wrong as things stand when it is begun."""

    appends: list[tuple[str, list[tuple[str, list[str]]], Literal["any", "right", "low", "high"]]]
    moves: list[tuple[str, int, bool]]
    boundary: tuple[int | None, list[Selection]] | None
    held: bool


_STREAMS = st.sampled_from(["a", "b", "Ä-3"])
_NAMES = st.sampled_from(["p", "q"])
_OWNERS = st.sampled_from(["me", "you"])
_KINDS = st.sampled_from(["x", "y"])
_TAGS = st.lists(st.sampled_from(["t:1", "t:2", "u:1"]), max_size=3)
_EVENT = st.tuples(_KINDS, _TAGS)
_BOUNDARIES = st.builds(
    Selection, types=st.none() | st.frozensets(_KINDS), tags=st.frozensets(st.sampled_from(["t:1", "u:1"]))
)
_SELECTIONS = _BOUNDARIES | st.builds(
    Selection,
    types=st.none() | st.frozensets(_KINDS),
    tags=st.frozensets(st.sampled_from(["t:1", "t:2", "u:1"])),
    stream=st.none() | st.sampled_from(["a", "Ä*", "*", "never"]),
    part=st.none() | st.sampled_from([(0, 1), (0, 2), (1, 2)]),
)


def _wrong_too(*, fewest_events: int) -> st.SearchStrategy[_Unit]:
    events = st.lists(_EVENT, min_size=fewest_events, max_size=3)
    return st.builds(
        _Unit,
        appends=st.lists(st.tuples(_STREAMS, events, st.sampled_from(["any", "right", "low", "high"])), max_size=3),
        moves=st.lists(st.tuples(_NAMES, st.integers(0, 50), st.booleans()), max_size=2),
        boundary=st.none() | st.tuples(st.none() | st.integers(0, 12), st.lists(_BOUNDARIES, min_size=1, max_size=2)),
        held=st.booleans(),
    )


# Right as things stand, so whatever refuses one of them is another one.
_RIGHT = st.builds(
    _Unit,
    appends=st.lists(
        st.tuples(_STREAMS, st.lists(_EVENT, min_size=1, max_size=2), st.sampled_from(["right", "any"])),
        min_size=1,
        max_size=2,
    ),
    moves=st.lists(st.tuples(_NAMES, st.integers(0, 50), st.just(True)), max_size=1),
    boundary=st.none() | st.tuples(st.none(), st.lists(_BOUNDARIES, min_size=1, max_size=1)),
    held=st.booleans(),
)


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a store and to a model of it, and looks for a difference.

    What is committed side by side must come to what it would in some order, one after the other. Derive from it, and
    say how a store is made; `folder` is an empty folder that is removed afterwards.

    Example:
        >>> class MyMachine(StoreMachine):
        ...     def make(self) -> Store:
        ...         return MyStore(self.folder / "log")
        >>> TestMyStore = MyMachine.TestCase
    """

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="twofold-"))
        self.model = StoreModel()
        self.store = self.make()

    def make(self) -> Store:
        """A store that is new and empty, and not started; to be replaced by an adapter's own."""
        raise NotImplementedError

    @initialize()
    def open(self) -> None:
        """Opens it."""
        self.runner.run(self.store.start())

    def teardown(self) -> None:
        """Closes it."""
        self.runner.run(self.store.stop())
        self.runner.close()
        shutil.rmtree(self.folder)

    @rule(unit=_wrong_too(fewest_events=0))
    def commit(self, unit: _Unit) -> None:
        """Commits a unit of work, at once or in a transaction that is held open."""
        self._commit([unit])

    # An append of no events looks at a version, and holds nobody off who moves it meanwhile.
    @rule(units=st.lists(_RIGHT | _wrong_too(fewest_events=1), min_size=2, max_size=4))
    def commit_side_by_side(self, units: list[_Unit]) -> None:
        """Commits several at the same time; each is right or wrong as things stand before any of them."""
        self._commit(units)

    @rule(name=_NAMES, owner=_OWNERS, stale=st.booleans())
    def claim(self, name: str, owner: str, stale: bool) -> None:
        """Claims a checkpoint, as it stands or as it once stood."""
        stands = self.model.checkpoint(name)
        seen = stands._replace(beat=stands.beat + 1) if stale else stands
        try:
            claimed = self.runner.run(self.store.checkpoints.claim(seen, owner))
        except CheckpointMoved:
            assert stale
        else:
            self.model.checkpoints[name] = stands._replace(owner=owner, token=stands.token + 1, version=1)
            assert claimed == self.model.checkpoints[name]

    @rule(owner=_OWNERS, names=st.none() | st.sets(_NAMES))
    def live_and_leave(self, owner: str, names: set[str] | None) -> None:
        """Shows a sign of life, and gives some back."""
        self.runner.run(self.store.checkpoints.renew(owner))
        self.runner.run(self.store.checkpoints.release(owner, names))
        for name, one in self.model.checkpoints.items():
            if one.owner == owner:
                leaves = names is None or name in names
                self.model.checkpoints[name] = one._replace(beat=one.beat + 1, owner="" if leaves else owner)

    @rule(
        after=st.integers(-1, 30),
        until=st.integers(-1, 40),
        limit=st.integers(1, 9),
        where=st.lists(_SELECTIONS, max_size=2),
    )
    def read(self, after: int, until: int, limit: int, where: list[Selection]) -> None:
        """Reads any part of the log."""
        found = self.runner.run(self.store.log.read(after, until=until, limit=limit, where=where))
        wanted = (one for one in self.model.log if after < one.position <= until)
        assert list(found) == [one for one in wanted if not where or selected(one, where)][:limit]

    @rule(stream=_STREAMS, after=st.integers(0, 9), limit=st.integers(1, 9))
    def read_stream(self, stream: str, after: int, limit: int) -> None:
        """Reads any part of a stream."""
        found = self.runner.run(self.store.log.read_stream(stream, after=after, limit=limit))
        assert list(found) == [one for one in self.model.log if one.stream == stream and one.version > after][:limit]

    @rule()
    def reopen(self) -> None:
        """Closes the store and opens it again."""
        self.runner.run(self.store.stop())
        self.runner.run(self.store.start())

    @invariant()
    def agree(self) -> None:
        """The head and the checkpoints are where the model has them."""
        assert self.runner.run(self.store.log.head()) == self.model.head
        for name in ("p", "q"):
            assert self.runner.run(self.store.checkpoints.get(name)) == self.model.checkpoint(name)
        everyone = sorted(self.model.checkpoints.values(), key=lambda one: one.name)
        assert list(self.runner.run(self.store.checkpoints.all())) == everyone

    def _commit(self, units: list[_Unit]) -> None:
        batches = [self._batch(unit) for unit in units]
        held = [unit.held for unit in units]
        outcomes = self.runner.run(self._attempts(batches, held))
        after = self.model.after(list(zip(batches, outcomes, strict=True)))
        assert after is not None, f"no order explains that {batches} came to {outcomes}"
        self.model = after

    def _batch(self, unit: _Unit) -> Batch:
        appends, versions = list[Append](), dict[str, int]()
        for stream, events, expectation in unit.appends:
            at = versions.get(stream, self.model.version(stream))
            expected = {"any": ANY_VERSION, "right": at, "low": at - 1, "high": at + 1}[expectation]
            drafts = tuple(draft(kind)._replace(tags=tuple(tags)) for kind, tags in events)
            versions[stream] = at + len(drafts)
            appends.append(Append(stream, drafts, expected))
        moves, stands = list[Move](), dict[str, Checkpoint]()
        for name, position, right in unit.moves:
            one = stands.get(name, self.model.checkpoint(name))
            moves.append(Move(name, position, one.position if right else one.position + 1, token=one.token))
            stands[name] = one._replace(position=position)
        conditions = tuple[Condition, ...]()
        if unit.boundary is not None:
            after, selections = unit.boundary
            conditions = (Condition(self.model.head if after is None else after, tuple(selections)),)
        return Batch(tuple(appends), moves=tuple(moves), conditions=conditions)

    async def _attempts(self, batches: list[Batch], held: list[bool]) -> list[Outcome]:
        return list(await asyncio.gather(*map(self._attempt, batches, held)))

    async def _attempt(self, batch: Batch, held: bool) -> Outcome:
        transaction = self.store.begin()
        try:
            if not held:
                return await self.store.commit(batch)
            await transaction.run(lambda connection: None)
            return await transaction.commit(batch)
        except Conflict as conflict:
            return conflict
