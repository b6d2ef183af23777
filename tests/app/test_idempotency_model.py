"""Keyed commands against a model of one page: whoever sends what, whenever, they are told what the model says."""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.app.till import Pay, Slip, Till
from tests.reliability.virtual import HandClock
from twofold import Result
from twofold.dispatch import Idempotency
from twofold.errors import KeyConflict, Refused

KEYS = st.sampled_from([None, "k", "l"])
USERS = st.sampled_from([None, "ada", "bob"])
AMOUNTS = st.sampled_from([1, 2])
KEEP = 100


@dataclass
class Known:
    """What was answered under a key."""

    amount: int
    id: UUID
    position: int
    expires: float


class KeyMachine(RuleBasedStateMachine):
    """Sends commands, and keeps what should be known of them in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="twofold-"))
        self.clock = HandClock()
        self.till = self.runner.run(self.new_till())
        self.app = self.till.app(self.database(), clock=self.clock)
        self.known = dict[tuple[str, str | None], Known]()
        self.ran = self.written = 0
        self.seen = set[UUID]()

    async def new_till(self) -> Till:
        return Till(idempotency=Idempotency(keep=KEEP, wait=60))

    def database(self) -> object:
        return "memory:"

    @initialize()
    def open(self) -> None:
        self.runner.run(self.app.start())

    def teardown(self) -> None:
        self.runner.run(self.app.stop())
        self.runner.close()
        shutil.rmtree(self.folder)

    @rule(key=KEYS, user=USERS, amount=AMOUNTS, refused=st.booleans())
    def send(self, key: str | None, user: str | None, amount: int, refused: bool) -> None:
        """One command; its handler would refuse it or not."""
        self.till.refusals = int(refused)
        caller = self.app.caller(idempotency_key=key, user_id=user)
        result = self.runner.run(caller.execute(Pay(amount=Decimal(amount))))
        self.till.refusals = 0
        self.agrees(key, user, amount, result, caller.position, refused=refused)

    @rule(key=st.sampled_from(["k", "l"]), user=USERS, amounts=st.lists(AMOUNTS, min_size=2, max_size=4))
    def send_together(self, key: str, user: str | None, amounts: list[int]) -> None:
        """Several under one key; the first of them decides for all, if nobody did before."""

        async def together() -> list[Result[Slip, object]]:
            return await asyncio.gather(*(one.execute(Pay(amount=Decimal(n))) for one, n in callers))

        callers = [(self.app.caller(idempotency_key=key, user_id=user), amount) for amount in amounts]
        results = self.runner.run(together())
        for (caller, amount), result in zip(callers, results, strict=True):
            self.agrees(key, user, amount, result, caller.position)

    @rule(seconds=st.integers(1, KEEP))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.clock.time += seconds

    @rule()
    def reopen(self) -> None:
        """The application stops and starts again."""
        if self.database() != "memory:":
            self.runner.run(self.app.stop())
            self.runner.run(self.app.start())

    def agrees(
        self,
        key: str | None,
        user: str | None,
        amount: int,
        result: Result[Slip, object],
        position: int,
        *,
        refused: bool = False,
    ) -> None:
        known = None if key is None else self.known.get((key, user))
        if known is not None and known.expires > self.clock.time:
            if known.amount != amount:
                assert isinstance(result.error, KeyConflict)
                return
            assert (result.unwrap().id, position) == (known.id, known.position)
            return
        self.ran += 1
        if refused:
            assert isinstance(result.error, Refused)
            return
        self.written += 1
        slip = result.unwrap()
        assert slip.id not in self.seen
        assert (slip.amount, position) == (Decimal(amount), self.written)
        self.seen.add(slip.id)
        if key is not None:
            self.known[key, user] = Known(amount, slip.id, position, self.clock.time + KEEP)

    @invariant()
    def agree(self) -> None:
        """As many have run, and written, as the model says."""
        assert len(self.till.begun) == self.ran
        if self.app.running:
            assert self.runner.run(self.app.store.log.head()) == self.written


class SqliteKeyMachine(KeyMachine):
    def database(self) -> object:
        return self.folder / "till.db"


TestMemoryAgainstModel = KeyMachine.TestCase
TestMemoryAgainstModel.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestSqliteAgainstModel = SqliteKeyMachine.TestCase
TestSqliteAgainstModel.settings = settings(
    max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
