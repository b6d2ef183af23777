"""Conformance of transactions that are held open, of cancellation, and of stores that are closed."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from twofold.errors import StoreUnavailable, VersionConflict
from twofold.store import Add, Append, Committed, Delete, Store, Transaction, Upsert
from twofold.testing._store_case import StoreCase, append, batch, draft, versions, whole_log


class Transactions(StoreCase):
    """What holds for whoever runs SQL of its own, and for callers that go away."""

    async def test_a_transaction_that_began_nothing_commits(self, store: Store) -> None:
        """Without any `run`, a transaction is a commit like any other."""
        transaction = store.begin()
        assert await transaction.commit(append("a", 2, 0)) == Committed(2, {"a": 2})
        await transaction.rollback()
        assert await versions(store, "a") == [1, 2]

    async def test_a_transaction_begins_with_its_first_run(self, store: Store) -> None:
        """A transaction tells whether something has run in it, and so whether it is in the way of other writers."""
        transaction = store.begin()
        assert not transaction.begun
        await store.commit(append("a"))
        await transaction.run(lambda connection: None)
        assert transaction.begun
        await transaction.rollback()

    async def test_a_rollback_is_always_harmless(self, store: Store) -> None:
        """Rolling back nothing, or twice, or after the end, does nothing."""
        await store.begin().rollback()
        transaction = store.begin()
        await transaction.run(lambda connection: None)
        await transaction.rollback()
        await transaction.rollback()
        with pytest.raises(StoreUnavailable):
            await transaction.run(lambda connection: None)
        with pytest.raises(StoreUnavailable):
            await transaction.commit(append("a"))
        assert (await store.commit(append("a"))).versions == {"a": 1}

    @pytest.mark.parametrize("end", ["commit", "rollback"])
    async def test_what_has_ended_begins_no_more(self, store: Store, end: str) -> None:
        """A transaction that nothing ran in before its end takes nothing up afterwards, and is in nobody's way."""
        transaction = store.begin()
        await (transaction.commit(append("a", 1, 0)) if end == "commit" else transaction.rollback())
        for late in (
            transaction.run(lambda connection: None),
            transaction.change([Upsert(self.table, {"name": "a"}, {"count": 1})]),
            transaction.claim(b"key", datetime.now(UTC), 1),
            transaction.commit(append("b")),
        ):
            with pytest.raises(StoreUnavailable, match="has ended"):
                await late
        await transaction.rollback()
        async with asyncio.timeout(4):
            await store.commit(append("c"))
        assert await self.find_row(store, "a") is None
        assert [event.stream for event in await whole_log(store)] == (["a", "c"] if end == "commit" else ["c"])

    async def test_what_ran_commits_with_the_batch(self, store: Store) -> None:
        """SQL that ran in a transaction, and the batch it ends with, are seen together and not before."""
        self.require_sql()
        transaction = store.begin()
        await self.write_row(transaction, "a", 1)
        assert await self.find_row(store, "a") is None
        committed = await transaction.commit(append("a", 1, 0))
        assert committed.versions == {"a": 1}
        assert await self.find_row(store, "a") == {"name": "a", "count": 1}
        assert await versions(store, "a") == [1]

    async def test_rows_change_in_the_middle(self, store: Store) -> None:
        """Rows that a transaction changes before its end are changed before those of its batch, and with them."""
        transaction = store.begin()
        await transaction.change([Upsert(self.table, {"name": "a"}, {"count": 1})])
        assert transaction.begun
        await transaction.change([Add(self.table, {"name": "a"}, {"count": 2})])
        assert await self.find_row(store, "a") is None
        await transaction.commit(batch(Append("a", (draft(),), 0), rows=[Add(self.table, {"name": "a"}, {"count": 4})]))
        assert await self.find_row(store, "a") == {"name": "a", "count": 7}

    async def test_rows_that_change_in_the_middle_are_undone(self, store: Store) -> None:
        """By a rollback, and by a conflict at the end."""
        await store.commit(append("taken"))
        for end in ("rollback", "conflict"):
            transaction = store.begin()
            await transaction.change([Upsert(self.table, {"name": "a"}, {"count": 1})])
            if end == "rollback":
                await transaction.rollback()
            else:
                with pytest.raises(VersionConflict):
                    await transaction.commit(append("taken", 1, 0))
            assert await self.find_row(store, "a") is None
            with pytest.raises(StoreUnavailable):
                await transaction.change([Upsert(self.table, {"name": "a"}, {"count": 1})])

    async def test_sql_and_rows_keep_their_order(self, store: Store) -> None:
        """What a function has written is there for the rows that change after it."""
        self.require_sql()
        transaction = store.begin()
        await self.write_row(transaction, "a", 1)
        await transaction.change([Add(self.table, {"name": "a"}, {"count": 2}), Delete(self.table, {"name": "b"})])
        await transaction.change([Delete(self.table, {"name": "a"})])
        await self.write_row(transaction, "a", 5)
        await transaction.commit(batch(rows=[Add(self.table, {"name": "a"}, {"count": 4})]))
        assert await self.find_row(store, "a") == {"name": "a", "count": 9}

    async def test_a_rollback_leaves_nothing(self, store: Store) -> None:
        """SQL that ran in a transaction is gone after a rollback."""
        self.require_sql()
        transaction = store.begin()
        await self.write_row(transaction, "a", 1)
        await transaction.rollback()
        assert await self.find_row(store, "a") is None

    async def test_a_conflict_at_the_end_leaves_nothing(self, store: Store) -> None:
        """A commit that meets a conflict undoes the SQL before it, and ends the transaction."""
        self.require_sql()
        await store.commit(append("taken"))
        transaction = store.begin()
        await self.write_row(transaction, "a", 1)
        with pytest.raises(VersionConflict):
            await transaction.commit(batch(Append("b", (draft(),)), Append("taken", (draft(),), 0)))
        assert await self.find_row(store, "a") is None
        assert await versions(store, "b") == []
        with pytest.raises(StoreUnavailable):
            await transaction.run(lambda connection: None)
        await store.commit(append("b"))

    async def test_an_error_leaves_the_transaction_open(self, store: Store) -> None:
        """What a function raises reaches its caller, who may go on or roll back."""
        transaction = store.begin()
        with pytest.raises(LookupError, match="mine"):
            await transaction.run(_raise_mine)
        assert await transaction.run(lambda connection: 7) == 7
        assert (await transaction.commit(append("a"))).versions == {"a": 1}

    async def test_others_wait_for_a_held_transaction(self, store: Store) -> None:
        """While a transaction is held, other writers wait, readers do not, and order is kept."""
        self.require_turns()
        held = store.begin()
        await held.run(lambda connection: None)
        others = [asyncio.create_task(store.commit(append("a"))) for _ in range(3)]
        next_held = store.begin()
        waiting = asyncio.create_task(next_held.run(lambda connection: None))
        assert await store.log.head() == 0
        await held.run(lambda connection: None)
        assert not any(task.done() for task in (*others, waiting))
        assert (await held.commit(append("a", 2, 0))).versions == {"a": 2}
        await asyncio.gather(*others)
        assert await versions(store, "a") == [1, 2, 3, 4, 5]
        await waiting
        await next_held.rollback()

    async def test_a_transaction_held_too_long_is_ended(self, impatient_store: Store) -> None:
        """After its time a transaction is rolled back, the others get their turn, and its owner is told."""
        held = impatient_store.begin()
        await self.write_row(held, "a", 1)
        await impatient_store.commit(append("b"))  # now, or when it is over
        with pytest.raises(StoreUnavailable, match="held longer"):
            await asyncio.wait_for(_outlast(held), 20)
        for late in (held.run(lambda connection: None), held.commit(append("a"))):
            with pytest.raises(StoreUnavailable, match="held longer"):
                await late
        await held.rollback()
        assert await self.find_row(impatient_store, "a") is None
        assert await versions(impatient_store, "a") == []

    async def test_a_cancelled_wait_for_the_turn_leaves_nothing(self, store: Store) -> None:
        """Who gives up while others hold the turn has written nothing and holds nothing."""
        self.require_turns()
        held = store.begin()
        await held.run(lambda connection: None)
        waiting = store.begin()
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(waiting.run(lambda connection: None)),
            asyncio.create_task(store.commit(append("a"))),
        ]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2
        await asyncio.wait_for(waiting.rollback(), 20)
        with pytest.raises(StoreUnavailable):
            await waiting.run(lambda connection: None)
        await held.commit(append("b"))
        await store.commit(append("c"))
        assert [event.stream for event in await whole_log(store)] == ["b", "c"]

    async def test_a_started_function_is_not_torn(self, store: Store) -> None:
        """A caller that is cancelled while its function runs gets away once that is decided, and can roll back."""
        self.require_turns()
        started, go_on = threading.Event(), threading.Event()
        transaction = store.begin()

        def work(connection: Any) -> None:
            started.set()
            go_on.wait(20)

        task = asyncio.create_task(transaction.run(work))
        await asyncio.to_thread(started.wait, 20)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await transaction.run(lambda connection: 7) == 7
        await transaction.rollback()
        await store.commit(append("a"))

    async def test_a_cancelled_commit_is_whole_or_absent(self, store: Store) -> None:
        """Commits whose callers go away at any moment leave whole batches or none, and the store goes on."""
        for pauses in range(12):
            tasks = [
                asyncio.create_task(
                    store.commit(batch(Append(f"x{pauses}-{n}", (draft(),), 0), Append("y", (draft(),))))
                )
                for n in range(6)
            ]
            for _ in range(pauses):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(outcome, (Committed, asyncio.CancelledError)) for outcome in outcomes), outcomes
        await store.commit(append("y"))
        log = await whole_log(store)
        assert sum(event.stream == "y" for event in log) - 1 == sum(event.stream != "y" for event in log)
        assert await versions(store, "y") == list(range(1, 1 + sum(event.stream == "y" for event in log)))

    async def test_a_cancelled_rollback_frees_the_turn(self, store: Store) -> None:
        """Even when who rolls back is cancelled, the others get their turn."""
        self.require_turns()
        transaction = store.begin()
        await transaction.run(lambda connection: None)
        task = asyncio.create_task(transaction.rollback())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(store.commit(append("a")), 20)

    async def test_a_closed_store_says_so(self, store: Store) -> None:
        """Whatever is asked of a closed store, the answer is that it is not available, and it comes at once."""
        await store.stop()
        attempts: tuple[Callable[[], Awaitable[Any]], ...] = (
            lambda: store.commit(append("a")),
            lambda: store.begin().run(lambda connection: None),
            lambda: store.read(lambda connection: None),
        )
        async with asyncio.timeout(4):
            for attempt in attempts:
                with pytest.raises(StoreUnavailable):
                    await attempt()

    async def test_closing_finishes_what_was_begun(self, store: Store) -> None:
        """Commits that were under way when the store closes are decided, and told the truth."""
        tasks = [asyncio.create_task(store.commit(append(f"s{number}"))) for number in range(20)]
        await asyncio.sleep(0)
        await store.stop()
        outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)
        await store.start()
        written = {event.stream for event in await whole_log(store)}
        assert written == {f"s{n}" for n, outcome in enumerate(outcomes) if isinstance(outcome, Committed)}
        assert all(isinstance(outcome, (Committed, StoreUnavailable)) for outcome in outcomes)


def _raise_mine(connection: Any) -> None:
    raise LookupError("mine")


async def _outlast(transaction: Transaction) -> None:
    while True:
        await transaction.run(lambda connection: None)
        await asyncio.sleep(0)
