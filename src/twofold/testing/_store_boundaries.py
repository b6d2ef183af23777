"""Conformance of selections and conditions: the database finds what is meant, and refuses what was decided too late."""

import asyncio

import pytest

from twofold.errors import ConditionFailed
from twofold.store import Append, Batch, Condition, Selection, Store, part_of
from twofold.testing._store_case import StoreCase, batch, draft, whole_log


class Boundaries(StoreCase):
    """What holds for reads by tag and stream, and for dynamic consistency boundaries."""

    async def test_one_event_may_carry_very_many_tags(self, store: Store) -> None:
        """It is found by each of them, and a condition about one keeps it apart."""
        tags = tuple(f"seat:{number}" for number in range(300))
        await store.commit(_tagged("s", *tags))
        assert await self._positions(store, Selection(tags=frozenset({"seat:299"}))) == [1]
        taken = Condition(0, (Selection(tags=frozenset({"seat:7"})),))
        with pytest.raises(ConditionFailed):
            await store.commit(_tagged("other")._replace(conditions=(taken,)))

    async def test_a_read_may_ask_for_tags(self, store: Store) -> None:
        """An event comes when it carries all the tags of a selection; several selections add up."""
        for tags in (("a:1",), ("a:1", "b:1"), ("b:1", "a:1", "c:1"), (), ("c:1", "c:1")):
            await store.commit(_tagged("s", *tags))
        assert await self._positions(store, Selection(tags=frozenset({"a:1"}))) == [1, 2, 3]
        assert await self._positions(store, Selection(tags=frozenset({"a:1", "b:1"}))) == [2, 3]
        both = Selection(tags=frozenset({"c:1"})), Selection(tags=frozenset({"b:1"}), types=frozenset({"happened"}))
        assert await self._positions(store, *both) == [2, 3, 5]
        assert await self._positions(store, Selection(tags=frozenset({"a:1"}), types=frozenset({"other"}))) == []

    async def test_a_read_may_ask_for_streams(self, store: Store) -> None:
        """One stream by its name, or all whose names begin alike; no character of a name means anything else."""
        for stream in ("order-1", "order-2", "order", "orders-1", "order%", "ORDER-1"):
            await store.commit(_tagged(stream))
        assert await self._positions(store, Selection(stream="order-2")) == [2]
        assert await self._positions(store, Selection(stream="order-*")) == [1, 2]
        assert await self._positions(store, Selection(stream="order%*")) == [5]
        assert await self._positions(store, Selection(stream="*")) == [1, 2, 3, 4, 5, 6]

    async def test_names_are_values(self, store: Store) -> None:
        """Of streams, types and tags: whatever they look like, they mean themselves, and nothing of them is run."""
        for place, name in enumerate(_NAMES, 1):
            event = draft()._replace(type=name, tags=(name,))
            await store.commit(Batch((Append(name, (event,)),)))
            for meant in (
                Selection(stream=name),
                Selection(stream=f"{name}*"),
                Selection(types=frozenset({name})),
                Selection(tags=frozenset({name})),
            ):
                assert await self._positions(store, meant) == [place], (meant, name)
            excluded = Condition(0, (Selection(types=frozenset({name}), tags=frozenset({name})),))
            with pytest.raises(ConditionFailed):
                await store.commit(_tagged("other")._replace(conditions=(excluded,)))
        assert [event.stream for event in await whole_log(store)] == list(_NAMES)

    async def test_parts_share_the_streams(self, store: Store) -> None:
        """Every stream belongs to exactly one part of several, and to the same one in every store."""
        for number in range(60):
            await store.commit(_tagged(f"größe-{number % 25}"))
        log = await whole_log(store)
        shares = [await self._positions(store, Selection(part=(index, 3))) for index in range(3)]
        assert shares == [[e.position for e in log if part_of(e.stream, 3) == index] for index in range(3)]
        assert all(shares)

    async def test_what_the_decision_depends_on_may_not_have_happened(self, store: Store) -> None:
        """An event behind `after` that a condition means refuses the whole batch; others do not."""
        await store.commit(_tagged("a", "seat:1"))
        seat = Selection(types=frozenset({"happened"}), tags=frozenset({"seat:1"}))
        with pytest.raises(ConditionFailed) as refused:
            await store.commit(_tagged("b", "seat:1")._replace(conditions=(Condition(0, (seat,)),)))
        assert refused.value.after == 0
        assert refused.value.position in (1, None)
        await store.commit(_tagged("c", "seat:2"))
        await store.commit(_tagged("d", "seat:1")._replace(conditions=(Condition(1, (seat,)),)))
        assert [event.stream for event in await whole_log(store)] == ["a", "c", "d"]

    async def test_what_the_decision_has_seen_behind_the_head_refuses_nobody(self, store: Store) -> None:
        """By its position, whatever is selected by; the next event that was not seen refuses it all the same."""
        for stream in ("a", "b", "c"):
            await store.commit(_tagged(stream, "seat:1", "show:1"))
        tags, types = frozenset({"seat:1", "show:1"}), frozenset({"happened"})
        for selection in (Selection(tags=tags), Selection(types=types), Selection(tags=tags, types=types), Selection()):
            for seen in ((), (1,), (1, 3)):
                with pytest.raises(ConditionFailed) as refused:
                    await store.commit(Batch(conditions=(Condition(0, (selection,), frozenset(seen)),)))
                assert refused.value.position in (1 if not seen else 2, None)
            await store.commit(Batch(conditions=(Condition(0, (selection,), frozenset({1, 2, 3})),)))
            await store.commit(Batch(conditions=(Condition(1, (selection,), frozenset({2, 3, 9})),)))

    @pytest.mark.parametrize(
        "selection",
        [
            Selection(tags=frozenset({"seat:1"})),
            Selection(types=frozenset({"happened"})),
            Selection(types=frozenset({"happened"}), tags=frozenset({"seat:1", "show:1"})),
            Selection(),
        ],
        ids=["a tag", "a type", "type and tags", "everything"],
    )
    async def test_of_decisions_on_one_boundary_one_wins(self, store: Store, selection: Selection) -> None:
        """Of many that saw the same and are committed at once exactly one is; plain appends count as well."""
        for _ in range(5):
            after = await store.log.head()
            conditional = _tagged("x", "seat:1", "show:1")._replace(conditions=(Condition(after, (selection,)),))
            outcomes = await asyncio.gather(*(store.commit(conditional) for _ in range(8)), return_exceptions=True)
            refused = [one for one in outcomes if isinstance(one, ConditionFailed)]
            assert len(refused) == 7, outcomes
            mixed = await asyncio.gather(
                store.commit(conditional._replace(conditions=(Condition(await store.log.head(), (selection,)),))),
                store.commit(_tagged("y", "seat:1", "show:1")),
                return_exceptions=True,
            )
            assert not isinstance(mixed[1], BaseException)
            log = await whole_log(store)
            if not isinstance(mixed[0], BaseException):
                assert [event.stream for event in log[-2:]] == ["x", "y"]

    async def test_boundaries_that_do_not_meet_do_not_disturb(self, store: Store) -> None:
        """Decisions on different tags, made side by side, all succeed."""
        await store.commit(_tagged("a", "seat:0"))
        units = [
            _tagged(f"s{number}", f"seat:{number}")._replace(
                conditions=(Condition(1, (Selection(tags=frozenset({f"seat:{number}"})),)),),
            )
            for number in range(20)
        ]
        await asyncio.gather(*map(store.commit, units))
        assert len(await whole_log(store)) == 21

    async def test_a_condition_alone_may_be_asked(self, store: Store) -> None:
        """A batch of nothing but a condition is refused or not, and writes nothing."""
        await store.commit(_tagged("a", "seat:1"))
        everything = (Selection(),)
        assert (await store.commit(Batch(conditions=(Condition(1, everything),)))).position == 0
        with pytest.raises(ConditionFailed):
            await store.commit(Batch(conditions=(Condition(0, everything),)))

    async def test_a_log_has_a_name_of_its_own(self, store: Store) -> None:
        """The epoch stays the same, also when the store is opened anew."""
        epoch = await store.log.epoch()
        assert len(epoch) >= 16
        await store.stop()
        await store.start()
        assert await store.log.epoch() == epoch

    async def _positions(self, store: Store, *where: Selection) -> list[int]:
        head = await store.log.head()
        return [event.position for event in await store.log.read(0, until=head, limit=1000, where=where)]


def _tagged(stream: str, *tags: str) -> Batch:
    return batch(Append(stream, (draft()._replace(tags=tags),)))


_NAMES = (
    "'; DROP TABLE twofold_events; --",
    '"; DROP TABLE twofold_events; --',
    "a' OR '1'='1",
    "$1 $$ %s {schema} ? :name",
    "\\'; SELECT 1; --",
    "back\\slash",
    "line\nfeed\ttab",
    "paypal",
    "p\u0430yp\u0430l",
    "\u202etxet",
    "x" * 300,
    "_%",
)
