"""Stores against a model of one page: whatever is done, in any order or side by side, they agree."""

import pytest
from hypothesis import HealthCheck, settings

from twofold.drivers.sqlite import SqliteStore
from twofold.errors import ConditionFailed, VersionConflict
from twofold.store import Append, Batch, Committed, Condition, MemoryStore, Selection, Store
from twofold.testing._store_case import drafts
from twofold.testing.model import StoreMachine
from twofold.testing.model._model import Outcome, StoreModel


class MemoryMachine(StoreMachine):
    def make(self) -> Store:
        return MemoryStore()


class SqliteMachine(StoreMachine):
    def make(self) -> Store:
        return SqliteStore(self.folder / "log.db", durability="normal", readers=1)


TestMemoryAgainstModel = MemoryMachine.TestCase
TestMemoryAgainstModel.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestSqliteAgainstModel = SqliteMachine.TestCase
TestSqliteAgainstModel.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

FIRST, SECOND = Batch((Append("a", drafts(1), 0),)), Batch((Append("a", drafts(2), 0),))
BEHIND = Batch((Append("a", drafts(1), 1),))
NOTHING_ELSE = Batch((Append("b", drafts(1)),), conditions=(Condition(0, (Selection(),)),))
REFUSED, LATE = VersionConflict(stream="a", expected=0, actual=1), ConditionFailed(after=0, position=1)


@pytest.mark.parametrize(
    "done, streams",
    [
        ([(FIRST, Committed(1, {"a": 1})), (SECOND, REFUSED)], "a"),
        ([(FIRST, REFUSED), (SECOND, Committed(2, {"a": 2}))], "aa"),
        ([(BEHIND, Committed(2, {"a": 2})), (FIRST, Committed(1, {"a": 1}))], "aa"),
        ([(NOTHING_ELSE, LATE), (FIRST, Committed(1, {"a": 1}))], "a"),
        ([(NOTHING_ELSE, Committed(1, {"b": 1})), (FIRST, Committed(2, {"a": 1}))], "ba"),
        ([(FIRST, Committed(1, {"a": 1})), (SECOND, Committed(3, {"a": 3}))], None),  # two have won
        ([(FIRST, REFUSED), (SECOND, REFUSED)], None),  # nobody has
        ([(NOTHING_ELSE, Committed(2, {"b": 1})), (FIRST, Committed(1, {"a": 1}))], None),  # it was too late
        ([(NOTHING_ELSE, LATE)], None),  # for nothing
        ([(BEHIND, Committed(1, {"a": 2})), (FIRST, Committed(2, {"a": 1}))], None),  # against the positions
    ],
)
def test_the_model_tells_what_no_order_explains(done: list[tuple[Batch, Outcome]], streams: str | None) -> None:
    """Of what was committed side by side: it finds the order, or that there is none."""
    found = StoreModel().after(done)
    assert (None if found is None else "".join(event.stream for event in found.log)) == streams
