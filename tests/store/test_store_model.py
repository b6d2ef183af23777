"""Stores against a model of one page: whatever is appended, moved and read, in any order, they agree."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from twofold.drivers.sqlite import SqliteStore
from twofold.errors import CheckpointMoved, ConditionFailed, Conflict, VersionConflict
from twofold.store import (
    ANY_VERSION,
    Append,
    Batch,
    Checkpoint,
    Committed,
    Condition,
    Draft,
    MemoryStore,
    Move,
    Recorded,
    Selection,
    Store,
    selected,
)
from twofold.testing._store_case import draft

STREAMS = st.sampled_from(["a", "b", "Ä-3"])
NAMES = st.sampled_from(["p", "q"])
KINDS = st.sampled_from(["x", "y"])
TAGS = st.lists(st.sampled_from(["t:1", "t:2", "u:1"]), max_size=3)
EVENTS = st.lists(st.tuples(KINDS, TAGS), max_size=3)
APPENDS = st.tuples(STREAMS, EVENTS, st.sampled_from(["any", "right", "low", "high"]))
MOVES = st.tuples(NAMES, st.integers(0, 50), st.booleans())
BOUNDARIES = st.builds(
    Selection, types=st.none() | st.frozensets(KINDS), tags=st.frozensets(st.sampled_from(["t:1", "u:1"]))
)
SELECTIONS = BOUNDARIES | st.builds(
    Selection,
    types=st.none() | st.frozensets(KINDS),
    tags=st.frozensets(st.sampled_from(["t:1", "t:2", "u:1"])),
    stream=st.none() | st.sampled_from(["a", "Ä*", "*", "never"]),
    part=st.none() | st.sampled_from([(0, 1), (0, 2), (1, 2)]),
)


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a store and to lists and dicts, and looks for a difference."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="twofold-"))
        self.log = list[tuple[int, str, int, Draft]]()
        self.checkpoints = dict[str, Checkpoint]()
        self.head = 0
        self.store = self.make()

    def make(self) -> Store:
        raise NotImplementedError

    @initialize()
    def open(self) -> None:
        self.runner.run(self.store.start())

    def teardown(self) -> None:
        self.runner.run(self.store.stop())
        self.runner.close()
        shutil.rmtree(self.folder)

    @rule(
        appends=st.lists(APPENDS, max_size=3),
        moves=st.lists(MOVES, max_size=2),
        boundary=st.none() | st.tuples(st.integers(0, 12), st.lists(BOUNDARIES, min_size=1, max_size=2)),
        held=st.booleans(),
    )
    def commit(
        self,
        appends: list[tuple[str, list[tuple[str, list[str]]], str]],
        moves: list[tuple[str, int, bool]],
        boundary: tuple[int, list[Selection]] | None,
        held: bool,
    ) -> None:
        """Commits a batch, right or wrong, at once or in a held transaction."""
        conflicts = set[type[Conflict]]()
        conditions = tuple[Condition, ...]()
        if boundary is not None:
            conditions = (Condition(boundary[0], tuple(boundary[1])),)
            if any(one.position > boundary[0] and selected(one, boundary[1]) for one in self.recorded()):
                conflicts.add(ConditionFailed)
        versions, checkpoints = dict[str, int](), dict(self.checkpoints)
        parts, steps, new = list[Append](), list[Move](), list[tuple[str, int, Draft]]()
        for stream, events, expectation in appends:
            at = versions.get(stream, self.version(stream))
            expected = {"any": ANY_VERSION, "right": at, "low": at - 1, "high": at + 1}[expectation]
            if expectation in ("low", "high") and expected != ANY_VERSION:
                conflicts.add(VersionConflict)
            drafts = tuple(draft(kind)._replace(tags=tuple(tags)) for kind, tags in events)
            new.extend((stream, at + number, one) for number, one in enumerate(drafts, 1))
            versions[stream] = at + len(drafts)
            parts.append(Append(stream, drafts, expected))
        for name, position, right in moves:
            stands = checkpoints.get(name, Checkpoint(name=name))
            if not right:
                conflicts.add(CheckpointMoved)
            checkpoints[name] = stands._replace(position=position, version=1)
            at = stands.position if right else stands.position + 1
            steps.append(Move(name, position, at, token=stands.token))
        batch = Batch(tuple(parts), moves=tuple(steps), conditions=conditions)
        outcome = self.runner.run(self.attempt(batch, held))
        if conflicts:
            assert type(outcome) in conflicts
            return
        assert isinstance(outcome, Committed)
        assert outcome.versions == versions
        self.checkpoints = checkpoints
        if new:
            self.log.extend((outcome.position - len(new) + n, *one) for n, one in enumerate(new, 1))
            assert outcome.position > self.head
            self.head = outcome.position
        else:
            assert outcome.position == 0

    @rule(appends=st.lists(STREAMS, min_size=1, max_size=6))
    def commit_side_by_side(self, appends: list[str]) -> None:
        """Commits single events at the same time; a store may take them in any order, but takes them all."""

        async def commit() -> list[Committed]:
            return await asyncio.gather(*(self.store.commit(Batch((one,))) for one in parts))

        parts = [Append(stream, (draft(),)) for stream in appends]
        taken = zip(self.runner.run(commit()), parts, strict=True)
        for committed, part in sorted(taken, key=lambda both: both[0].position):
            assert committed.versions == {part.stream: self.version(part.stream) + 1}
            self.log.append((committed.position, part.stream, committed.versions[part.stream], part.events[0]))
            self.head = committed.position

    @rule(name=NAMES, owner=st.sampled_from(["me", "you"]), stale=st.booleans())
    def claim(self, name: str, owner: str, stale: bool) -> None:
        """Claims a checkpoint, as it stands or as it once stood."""
        stands = self.checkpoints.get(name, Checkpoint(name=name))
        seen = stands._replace(beat=stands.beat + 1) if stale else stands
        try:
            claimed = self.runner.run(self.store.checkpoints.claim(seen, owner))
        except CheckpointMoved:
            assert stale
        else:
            self.checkpoints[name] = stands._replace(owner=owner, token=stands.token + 1, version=1)
            assert claimed == self.checkpoints[name]

    @rule(owner=st.sampled_from(["me", "you"]), names=st.none() | st.sets(NAMES))
    def live_and_leave(self, owner: str, names: set[str] | None) -> None:
        """Shows a sign of life, and gives some back."""
        self.runner.run(self.store.checkpoints.renew(owner))
        self.runner.run(self.store.checkpoints.release(owner, names))
        for name, one in self.checkpoints.items():
            if one.owner == owner:
                leaves = names is None or name in names
                self.checkpoints[name] = one._replace(beat=one.beat + 1, owner="" if leaves else owner)

    @rule(
        after=st.integers(-1, 30),
        until=st.integers(-1, 40),
        limit=st.integers(1, 9),
        where=st.lists(SELECTIONS, max_size=2),
    )
    def read(self, after: int, until: int, limit: int, where: list[Selection]) -> None:
        """Reads any part of the log."""
        found = self.runner.run(self.store.log.read(after, until=until, limit=limit, where=where))
        wanted = (one for one in self.recorded() if after < one.position <= until)
        assert list(found) == [one for one in wanted if not where or selected(one, where)][:limit]

    @rule(stream=STREAMS, after=st.integers(0, 9), limit=st.integers(1, 9))
    def read_stream(self, stream: str, after: int, limit: int) -> None:
        """Reads any part of a stream."""
        found = self.runner.run(self.store.log.read_stream(stream, after=after, limit=limit))
        wanted = [one for one in self.log if one[1] == stream and one[2] > after]
        assert [as_row(event) for event in found] == wanted[:limit]

    @rule()
    def reopen(self) -> None:
        """Closes the store and opens it again."""
        self.runner.run(self.store.stop())
        self.runner.run(self.store.start())

    @invariant()
    def agree(self) -> None:
        """The head and the checkpoints are where the model has them."""
        assert self.runner.run(self.store.log.head()) == self.head
        for name in ("p", "q"):
            stands = self.checkpoints.get(name, Checkpoint(name=name))
            assert self.runner.run(self.store.checkpoints.get(name)) == stands
        everyone = sorted(self.checkpoints.values(), key=lambda one: one.name)
        assert list(self.runner.run(self.store.checkpoints.all())) == everyone

    def recorded(self) -> list[Recorded]:
        return [
            Recorded(
                at, stream, version, one.id, one.type, one.schema_version, one.data, one.headers, one.time, one.tags
            )
            for at, stream, version, one in self.log
        ]

    def version(self, stream: str) -> int:
        return sum(one[1] == stream for one in self.log)

    async def attempt(self, batch: Batch, held: bool) -> Committed | Conflict:
        transaction = self.store.begin()
        try:
            if not held:
                return await self.store.commit(batch)
            await transaction.run(lambda connection: None)
            return await transaction.commit(batch)
        except Conflict as conflict:
            return conflict


class MemoryMachine(StoreMachine):
    def make(self) -> Store:
        return MemoryStore()


class SqliteMachine(StoreMachine):
    def make(self) -> Store:
        return SqliteStore(self.folder / "log.db", durability="normal", readers=1)


def as_row(event: Recorded) -> tuple[int, str, int, Draft]:
    """An event as the model keeps it."""
    sent = Draft(event.id, event.type, event.schema_version, event.data, event.headers, event.time, event.tags)
    return event.position, event.stream, event.version, sent


TestMemoryAgainstModel = MemoryMachine.TestCase
TestMemoryAgainstModel.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestSqliteAgainstModel = SqliteMachine.TestCase
TestSqliteAgainstModel.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
