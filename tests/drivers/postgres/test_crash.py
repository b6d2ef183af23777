"""A process that dies between any two messages to the server leaves all of its unit of work, or nothing."""

import asyncio
import signal

import pytest

from tests.drivers.lives import lives
from tests.drivers.postgres.conftest import NewStore, Plain
from tests.drivers.postgres.schema import schema_of
from twofold.testing._store_case import whole_log

pytestmark = pytest.mark.anyio

DIE_BEFORE_MESSAGE = """
import asyncio, os, signal
from asyncio import selector_events
from datetime import UTC, datetime
from sqlalchemy import Column, Integer, MetaData, String, Table
from twofold.drivers.postgres import PostgresStore
from twofold.store import Append, Batch, Move, Parked, Upsert
from twofold.testing._store_case import drafts

tally = Table("tally", MetaData(), Column("name", String, primary_key=True), Column("count", Integer, nullable=False))
transport, said, mortal, fatal = selector_events._SelectorSocketTransport, 0, False, 0
speak = transport.write

def write(self, data):
    global said
    if mortal and said == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    said += mortal
    speak(self, data)

transport.write = write

async def main(url, schema):
    global mortal
    store = PostgresStore(url, schema=schema)
    await store.start()
    await store.create_tables([tally])
    mortal = True
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("INSERT INTO tally VALUES ('by hand', 1)"))
    parked = Parked(subscription="p", position=1, stream="a", type="happened", time=datetime.now(UTC))
    await transaction.commit(
        Batch(
            (Append("a", drafts(2), 0), Append("b", drafts(1), 0)),
            rows=(Upsert(tally, {"name": "queued"}, {"count": 2}),),
            moves=(Move("p", 3, 0),),
            parks=(parked,),
        )
    )
    mortal = False
    await store.stop()

def live(url, schema, message):
    global fatal
    fatal = message
    asyncio.run(main(url, schema))
"""


NOTHING: tuple[object, ...] = ([], [], 0, 0)
EVERYTHING = ([("a", 1), ("a", 2), ("b", 1)], [("by hand", 1), ("queued", 2)], 3, 1)


async def test_death_between_any_two_messages_leaves_all_or_nothing(
    new_store: NewStore, plain: Plain, postgres_url: str
) -> None:
    """Killed before each message in turn, until the last one that matters was sent: nothing, and then everything."""
    schema, endings = schema_of(postgres_url), list[object]()
    with lives(DIE_BEFORE_MESSAGE) as live:
        while True:
            name = f"mortal-{len(endings)}"
            url = f"{postgres_url}&application_name={name}"
            died = await asyncio.to_thread(live, url, schema, len(endings)) == -signal.SIGKILL
            while await plain.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", name):
                pass  # the server has not noticed yet
            store = new_store()
            await store.start()
            found = (
                [(event.stream, event.version) for event in await whole_log(store)],
                [tuple(row) for row in await plain.fetch(f"SELECT name, count FROM {schema}.tally ORDER BY name")],
                (await store.checkpoints.get("p")).position,
                len(await store.parked.list()),
            )
            await store.stop()
            endings.append(found)
            if found != NOTHING:
                break
            assert died
    assert endings[-1] == EVERYTHING
    assert len(endings) > 5
