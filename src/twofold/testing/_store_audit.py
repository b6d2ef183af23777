"""Conformance of the audit trail: entries commit with what they tell of, are found, and are sealed in one chain."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from twofold.clock import new_id
from twofold.errors import VersionConflict
from twofold.store import Append, AuditBlock, AuditEntry, AuditSearch, Batch, Store, seal, verify
from twofold.testing._store_case import StoreCase, append, draft

_NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_EVERY = AuditSearch()


class Audits(StoreCase):
    """What holds for the audit trail."""

    async def test_an_entry_is_found_as_it_was_written(self, store: Store) -> None:
        """With a number, and with the position that its batch appended up to; 0 when it appended nothing."""
        entries = (
            entry(),
            entry(causation_id=None, user_id=None, tenant=None, source=None, payload="null", code="", count=7),
        )
        await store.commit(Batch((Append("a", (draft(), draft())),), audit=entries[:1]))
        await store.commit(Batch(audit=entries[1:]))
        found = await store.audit.find(_EVERY)
        assert found == [entries[0]._replace(number=1, position=2), entries[1]._replace(number=2)]

    async def test_an_empty_text_and_a_zero_are_not_nothing(self, store: Store) -> None:
        """What is not said is None, and nothing else is."""
        said = entry(causation_id="", user_id="0", tenant="", source="0")
        await store.commit(Batch(audit=(said,)))
        assert await store.audit.find(_EVERY) == [said._replace(number=1)]

    async def test_one_event_may_come_with_any_number_of_entries(self, store: Store) -> None:
        """Each has the position of the event: a command that sends others leaves theirs too."""
        for number in range(3):
            entries = tuple(entry(code=f"{nth}") for nth in range(number))
            await store.commit(Batch((Append("a", (draft(),)),), audit=entries))
        found = [(one.code, one.position) for one in await store.audit.find(_EVERY)]
        assert found == [("0", 2), ("0", 3), ("1", 3)]

    async def test_text_of_any_kind_is_kept(self, store: Store) -> None:
        """Entries must be written whoever sends what; what a database cannot hold is replaced."""
        await store.commit(Batch(audit=(entry(user_id="né\n\u202e", payload='{"a":"\\u0000\u00e9"}'),)))
        await store.commit(Batch(audit=(entry(user_id="nul\0", correlation_id="\x1b"),)))
        first, second = await store.audit.find(_EVERY)
        assert (first.user_id, first.payload) == ("né\n\u202e", '{"a":"\\u0000\u00e9"}')
        assert (second.user_id in ("nul\0", "nul\ufffd"), second.correlation_id) == (True, "\x1b")

    async def test_a_conflict_leaves_no_entry(self, store: Store) -> None:
        """An entry is written with its batch, or not at all."""
        await store.commit(append("a"))
        for appends in ((Append("a", (draft(),), 0),), (Append("b", (draft(),), 0), Append("a", (draft(),), 0))):
            with pytest.raises(VersionConflict):
                await store.commit(Batch(appends, audit=(entry(),)))
        assert await store.audit.find(_EVERY) == []

    async def test_commits_that_go_together_keep_their_own_entries(self, store: Store) -> None:
        """Each entry has the position of its own event; who lost a race has none."""
        batches = [Batch((Append(f"s-{n % 6}", (draft(),), 0),), audit=(entry(code=f"{n}"),)) for n in range(12)]
        outcomes = await asyncio.gather(*map(store.commit, batches), return_exceptions=True)
        committed = {f"{n}": one.position for n, one in enumerate(outcomes) if not isinstance(one, BaseException)}
        found = await store.audit.find(_EVERY)
        assert len(committed) == 6
        assert {one.code: one.position for one in found} == committed
        numbers = [one.number for one in found]
        assert numbers == sorted(set(numbers))

    async def test_a_held_transaction_writes_its_entries(self, store: Store) -> None:
        """Like any other part of a batch."""
        transaction = store.begin()
        await transaction.run(lambda connection: None)
        await transaction.commit(Batch((Append("a", (draft(),)),), audit=(entry(),)))
        assert [one.position for one in await store.audit.find(_EVERY)] == [1]

    @pytest.mark.parametrize(
        "search, codes",
        [
            ({}, "0123"),
            ({"message": "close"}, "2"),
            ({"user_id": "bob"}, "1"),
            ({"tenant": "north"}, "3"),
            ({"correlation_id": "c-1"}, "01"),
            ({"outcome": "refused"}, "12"),
            ({"outcome": "refused", "message": "open"}, "1"),
            ({"since": _NOW + timedelta(seconds=1), "until": _NOW + timedelta(seconds=3)}, "12"),
            ({"user_id": "nobody"}, ""),
        ],
    )
    async def test_entries_are_searched(self, store: Store, search: dict[str, Any], codes: str) -> None:
        """All that is asked for must hold; a beginning is included, and an end is not."""
        others: tuple[dict[str, Any], ...] = (
            {"correlation_id": "c-1"},
            {"correlation_id": "c-1", "user_id": "bob", "outcome": "refused"},
            {"message": "close", "outcome": "refused"},
            {"tenant": "north"},
        )
        entries = [entry(code=f"{n}", time=_NOW + timedelta(seconds=n), **facts) for n, facts in enumerate(others)]
        await store.commit(Batch(audit=tuple(entries)))
        assert "".join(one.code for one in await store.audit.find(AuditSearch(**search))) == codes
        assert "".join(one.code for one in await store.audit.find(AuditSearch(**search), newest=True)) == codes[::-1]
        (one,) = await store.audit.find(AuditSearch(message_id=entries[2].message_id))
        assert one.code == "2"

    async def test_entries_come_in_pages(self, store: Store) -> None:
        """From behind a number, up to another, from either end."""
        await store.commit(Batch(audit=tuple(entry() for _ in range(5))))

        async def numbers(**page: Any) -> list[int]:
            return [one.number for one in await store.audit.find(_EVERY, **page)]

        assert await numbers(after=1, limit=2) == [2, 3]
        assert await numbers(after=1, until=3) == [2, 3]
        assert await numbers(newest=True, until=4, limit=2) == [4, 3]

    async def test_what_is_sealed_is_what_entries_say(self, store: Store) -> None:
        """To the letter: of every field, with and without a count and a door, in ASCII or not."""
        told = '\x7f\u00e9\U0001f600"\\\n'
        await store.commit(
            Batch(
                audit=(
                    entry(),
                    entry(causation_id=told, user_id=told, tenant=told, payload=f'"{told}"', code="late", count=7),
                    entry(correlation_id=told, outcome="conflict", source="http"),
                )
            )
        )
        entries = await store.audit.find(_EVERY)
        assert await store.audit.texts(after=0, until=3, limit=3) == [(one.number, one.canonical) for one in entries]
        assert await store.audit.texts(after=1, until=2, limit=3) == [(2, entries[1].canonical)]
        assert [number for number, _ in await store.audit.texts(after=0, until=3, limit=2)] == [1, 2]

    async def test_blocks_seal_every_entry_once(self, store: Store) -> None:
        """What is there is sealed, then what has come since, and then nothing is left to do."""
        await store.commit(Batch(audit=(entry(), entry())))
        assert await seal(store.audit, _NOW) == 2
        await store.commit(Batch(audit=(entry(),)))
        assert await seal(store.audit, _NOW) == 1
        assert await seal(store.audit, _NOW) == 0
        first, second = await store.audit.blocks()
        assert (first.number, first.first, first.last, first.count, first.previous) == (1, 1, 2, 2, b"")
        assert (second.number, second.first, second.last, second.previous) == (2, 3, 3, first.hash)
        assert await store.audit.last_block() == second
        assert await store.audit.blocks(after=1) == [second]
        verdict = await verify(store.audit)
        assert (verdict.entries, verdict.head, verdict.unsealed, verdict.flaw) == (3, second, 0, None)

    async def test_one_of_two_blocks_is_taken(self, store: Store) -> None:
        """Of those who seal at once one does, and a block that does not follow the last one is refused."""
        await store.commit(Batch(audit=(entry(),)))
        block = AuditBlock.of(await store.audit.texts(after=0, until=1, limit=1), None, _NOW)
        outcomes = await asyncio.gather(*(store.audit.seal(block) for _ in range(4)))
        assert sorted(outcomes) == [False, False, False, True]
        assert not await store.audit.seal(replace(block, number=3))
        assert await store.audit.blocks() == [block]

    async def test_those_who_seal_side_by_side_make_one_chain(self, store: Store) -> None:
        """While others write, and no entry is left out."""

        async def write() -> None:
            for _ in range(15):
                await store.commit(Batch((Append(f"{new_id()}", (draft(),)),), audit=(entry(),)))

        async def keep_sealing() -> None:
            while not all(task.done() for task in writing):
                await seal(store.audit, _NOW)
                await asyncio.sleep(0)

        writing = [asyncio.create_task(write()) for _ in range(4)]
        await asyncio.gather(*writing, keep_sealing(), keep_sealing())
        await seal(store.audit, _NOW)
        verdict = await verify(store.audit)
        assert (verdict.entries, verdict.unsealed, verdict.flaw) == (60, 0, None)

    async def test_an_anchor_must_be_in_the_chain(self, store: Store) -> None:
        """The hash of any block is one; no other is."""
        for _ in range(2):
            await store.commit(Batch(audit=(entry(),)))
            await seal(store.audit, _NOW)
        for block in await store.audit.blocks():
            assert (await verify(store.audit, block.hash)).flaw is None
        flaw = (await verify(store.audit, b"\0" * 32)).flaw
        assert flaw is not None
        assert "cut off" in flaw.text


def entry(**facts: Any) -> AuditEntry:
    """An entry with a new id."""
    usual: dict[str, Any] = {
        "message": "open",
        "version": 1,
        "message_id": new_id(),
        "correlation_id": "c-0",
        "causation_id": "m-0",
        "user_id": "ann",
        "tenant": "south",
        "source": "http",
        "payload": '{"a":1}',
        "time": _NOW,
        "duration": timedelta(microseconds=1234),
        "outcome": "success",
        "code": "a_code",
    }
    return AuditEntry(**{**usual, **facts})
