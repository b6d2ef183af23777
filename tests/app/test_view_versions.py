"""A projection that materialized views select from changes its version: they hold the rows of what is live."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.app.selecting import selected
from tests.app.versions import SUMS, Open, Paid, pay, record, rows_of, till
from tests.drivers.postgres.schema import schema_of
from tests.until import until
from twofold import App, Module
from twofold.app.administration import administering
from twofold.drivers.postgres import PostgresStore
from twofold.errors import WiringError
from twofold.projections import roll_back
from twofold.sql import View
from twofold.store import Batch, Store

pytestmark = pytest.mark.anyio

EACH = View("each", select(SUMS[1].c.who, SUMS[1].c.total), key=["who"], refresh_on=[Paid])
MOST = View(
    "most", select(func.max(EACH.c.total).label("most"), func.count().label("many")), key=["most"], refresh_on=[Paid]
)


def viewed(version: int, store: Store, **options: Any) -> App:
    """The till, a view over its rows, and a view over that one."""
    app = till(version, store, **options)
    module = Module("views")
    module.view(EACH)
    module.view(MOST)
    app.mount(module)
    return app


async def seen(store: Store) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What the two views hold."""
    each, most = await selected(store, "SELECT * FROM each"), await selected(store, "SELECT * FROM most")
    return {row[0]: row[1] for row in each}, {row[0]: row[1] for row in most}


async def paid(app: App) -> None:
    await record(app, Paid(amount=1, who="ada"), Paid(amount=3, who="bob"))
    await app.settle()
    assert await seen(app.store) == ({"ada": 1, "bob": 3}, {3: 2})


@pytest.mark.parametrize("mode", ["inline", "async"])
async def test_a_new_version_fills_the_views_with_its_rows(shared: Open, mode: Any) -> None:
    """When it takes the place, with no event in between; and they are refreshed on events afterwards."""
    async with viewed(1, shared(), mode=mode) as old:
        await paid(old)
    async with viewed(2, shared(), mode=mode) as new:
        await new.settle()
        assert await seen(new.store) == ({"ada": 2, "bob": 6}, {6: 2})
        await record(new, Paid(amount=2, who="ada"))
        await new.settle()
        assert await seen(new.store) == ({"ada": 6, "bob": 6}, {6: 2})


async def test_a_rebuild_and_a_roll_back_by_command_do_so_too(shared: Open) -> None:
    """And again, as often as there is something to exchange."""
    async with viewed(1, shared()) as old:
        await paid(old)
    async with administering(viewed(2, shared())) as administration:
        store = viewed(2, shared()).store
        await store.start()
        await administration.rebuild("sums")
        assert await seen(store) == ({"ada": 2, "bob": 6}, {6: 2})
        await administration.rollback("sums")
        assert await seen(store) == ({"ada": 1, "bob": 3}, {3: 2})
        await administration.rollback("sums")
        assert await seen(store) == ({"ada": 2, "bob": 6}, {6: 2})
        await store.stop()


async def test_after_a_roll_back_they_see_again_what_the_old_version_has_not_dealt_with(shared: Open) -> None:
    """The rows of the old version stood still while the new one was live."""
    async with viewed(1, shared()) as old:
        await paid(old)
    async with viewed(2, shared()) as new:
        await new.settle()
        await record(new, Paid(amount=2, who="ada"))
        await new.settle()
        (projection,) = new.assembly.projections
        await roll_back(projection, new.store, new.router.catalogue)
        assert await seen(new.store) == ({"ada": 1, "bob": 3}, {3: 2})
    async with viewed(1, shared()) as old:
        await old.settle()
        assert await seen(old.store) == ({"ada": 3, "bob": 3}, {3: 2})


async def test_readers_see_views_and_tables_of_one_version(shared: Open) -> None:
    """Whoever reads while it is switched there and back finds each view, filled, from the same version as the rows."""
    async with viewed(1, shared()) as old:
        await paid(old)
        reader, over, looks = shared(), asyncio.Event(), 0
        await reader.start()

        async def read() -> None:
            nonlocal looks
            while not over.is_set():
                ((total, kept),) = await selected(reader, _BOTH)
                assert total == kept
                looks += 1

        reading = asyncio.create_task(read())
        async with administering(viewed(2, shared())) as administration:
            await administration.rebuild("sums")
            for _ in range(3):
                before = looks
                await administration.rollback("sums")
                await until(_more(lambda: looks, before))
        over.set()
        await reading
        await reader.stop()


async def test_what_is_somebody_elses_is_refused_with_what_to_do(postgres_shared: Open) -> None:
    """A materialized view over twofold's own, which twofold knows nothing of; nothing is changed."""
    async with viewed(1, postgres_shared()) as old:
        await paid(old)
        await execute(old.store, "CREATE MATERIALIZED VIEW report AS SELECT most FROM most")
        async with administering(viewed(2, postgres_shared())) as administration:
            remedy = "materialized view report uses most, .*: DROP MATERIALIZED VIEW report, and create it again after"
            with pytest.raises(WiringError, match=remedy):
                await administration.rebuild("sums")
            assert await seen(old.store) == ({"ada": 1, "bob": 3}, {3: 2})
            await execute(old.store, "DROP MATERIALIZED VIEW report")
            await administration.rebuild("sums")
        assert await seen(old.store) == ({"ada": 2, "bob": 6}, {6: 2})


async def test_a_view_that_was_never_made_is_not_made_by_a_switch(shared: Open) -> None:
    """Whoever starts with it makes it, when that process may."""
    async with till(1, shared()) as old:
        await pay(old, 1)
        await old.settle()
        async with administering(viewed(2, shared())) as administration:
            await administration.rebuild("sums")
        assert await rows_of(old.store) == [{"who": "all", "total": 2, "events": 1}]
    async with viewed(2, shared()) as new:
        await new.settle()
        assert await seen(new.store) == ({"all": 2}, {2: 1})


async def execute(store: Store, statement: str) -> None:
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute(statement))
    await transaction.commit(Batch())


def _more(count: Any, before: int) -> Any:
    async def more() -> bool:
        return bool(count() > before)

    return more


_BOTH = "SELECT (SELECT max(total) FROM sums), (SELECT max(most) FROM most)"


@pytest.fixture
def postgres_shared(postgres_url: str) -> Open:
    return lambda: PostgresStore(postgres_url, schema=schema_of(postgres_url), pool_size=3, readers=2)
