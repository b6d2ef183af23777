"""A unit of work with everything that one can have, and what of it a store has."""

from sqlalchemy import Column, Integer, MetaData, String, Table

from twofold.drivers.sqlite import SqliteStore
from twofold.store import Append, AuditSearch, Batch, Move, Parked, Snapshot, Upsert
from twofold.testing._store_audit import entry
from twofold.testing._store_case import drafts, whole_log
from twofold.testing._store_replies import reply

TALLY = Table("tally", MetaData(), Column("name", String, primary_key=True), Column("count", Integer, nullable=False))
ANSWER = reply("key")
NOW = ANSWER.time


async def at_once(store: SqliteStore) -> None:
    """Write it as data."""
    await store.commit(_everything())


async def held(store: SqliteStore) -> None:
    """Write it in a transaction that is held open: with a claim of a key, SQL of one's own, and the answer."""
    transaction = store.begin()
    await transaction.claim(ANSWER.key, NOW, 0)
    await transaction.run(lambda connection: connection.execute("INSERT INTO tally VALUES ('by hand', 1)"))
    await transaction.commit(_everything()._replace(reply=ANSWER))


async def found(store: SqliteStore) -> dict[str, int]:
    """How much of each part is there."""
    rows = await store.read(lambda connection: connection.execute("SELECT name FROM tally").fetchall())
    return {
        "events": len(await whole_log(store)),
        "rows": len(rows),
        "p": (await store.checkpoints.get("p")).position,
        "q": (await store.checkpoints.get("q")).position,
        "parked": len(await store.parked.list()),
        "entries": len(await store.audit.find(AuditSearch())),
        "snapshots": 0 if await store.find_snapshot("a") is None else 1,
        "answers": 0 if await store.find_reply(ANSWER.key, NOW) is None else 1,
    }


def _everything() -> Batch:
    events = drafts(2)
    return Batch(
        appends=(Append("a", events, 0), Append("b", drafts(1), 0)),
        rows=(Upsert(TALLY, {"name": "by a projection"}, {"count": 3}),),
        moves=(Move("p", 3, 0), Move("q", 3, 0)),
        parks=(Parked("p", 2, "a", "happened", NOW, cause="KeyError: 'x'"),),
        audit=(entry(),),
        snapshots=(Snapshot("a", 2, events[-1].id, "state", b"{}"),),
    )
