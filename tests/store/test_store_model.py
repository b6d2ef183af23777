"""Stores against a model of one page: whatever is appended, moved and read, in any order, they agree."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from twofold.drivers.sqlite import SqliteStore
from twofold.errors import Conflict, VersionConflict
from twofold.store import ANY_VERSION, Append, Batch, Committed, Draft, MemoryStore, Move, Recorded, Store
from twofold.testing._store_case import draft

STREAMS = st.sampled_from(["a", "b", "Ä-3"])
NAMES = st.sampled_from(["p", "q"])
KINDS = st.sampled_from(["x", "y"])
APPENDS = st.tuples(STREAMS, st.lists(KINDS, max_size=3), st.sampled_from(["any", "right", "low", "high"]))
MOVES = st.tuples(NAMES, st.integers(0, 50), st.booleans())


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a store and to lists and dicts, and looks for a difference."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="twofold-"))
        self.log = list[tuple[int, str, int, Draft]]()
        self.checkpoints = dict[str, int]()
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

    @rule(appends=st.lists(APPENDS, max_size=3), moves=st.lists(MOVES, max_size=2), held=st.booleans())
    def commit(self, appends: list[tuple[str, list[str], str]], moves: list[tuple[str, int, bool]], held: bool) -> None:
        """Commits a batch, right or wrong, at once or in a held transaction."""
        conflict: type[Conflict] | None = None
        versions, checkpoints = dict[str, int](), dict(self.checkpoints)
        parts, steps, new = list[Append](), list[Move](), list[tuple[str, int, Draft]]()
        for stream, kinds, expectation in appends:
            at = versions.get(stream, self.version(stream))
            expected = {"any": ANY_VERSION, "right": at, "low": at - 1, "high": at + 1}[expectation]
            if expectation in ("low", "high") and expected != ANY_VERSION:
                conflict = conflict or VersionConflict
            drafts = tuple(draft(kind) for kind in kinds)
            new.extend((stream, at + number, one) for number, one in enumerate(drafts, 1))
            versions[stream] = at + len(drafts)
            parts.append(Append(stream, drafts, expected))
        for name, position, right in moves:
            at = checkpoints.get(name, 0)
            if not right:
                conflict = conflict or Conflict
            checkpoints[name] = position
            steps.append(Move(name, position, at if right else at + 1))
        batch = Batch(tuple(parts), moves=tuple(steps))
        outcome = self.runner.run(self.attempt(batch, held))
        if conflict is not None:
            assert type(outcome) is conflict
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

    @rule(
        after=st.integers(-1, 30), until=st.integers(-1, 40), limit=st.integers(1, 9), kinds=st.none() | st.sets(KINDS)
    )
    def read(self, after: int, until: int, limit: int, kinds: set[str] | None) -> None:
        """Reads any part of the log."""
        found = self.runner.run(self.store.log.read(after, until=until, limit=limit, types=kinds))
        wanted = (one for one in self.log if after < one[0] <= until and (kinds is None or one[3].type in kinds))
        assert [as_row(event) for event in found] == list(wanted)[:limit]

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
            assert self.runner.run(self.store.checkpoint(name)) == self.checkpoints.get(name, 0)

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
