"""Key stores: one key for a subject whoever asks first, and none again once it is destroyed."""

import asyncio
import sqlite3
import stat
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from twofold.clock import new_id
from twofold.errors import StoreUnavailable, WiringError
from twofold.personal import Key, KeyStore, MasterKeyMissing, MasterKeys, MemoryKeyStore
from twofold.personal.postgres import PostgresKeyStore
from twofold.personal.sqlite import SqliteKeyStore

pytestmark = pytest.mark.anyio

MASTER = MasterKeys("a master key of more than 32 characters")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], KeyStore]:
    """Makes a key store of each kind; those of one test have the same keys."""
    if request.param == "memory":
        keys = MemoryKeyStore()
        return lambda: keys
    if request.param == "sqlite":
        return lambda: SqliteKeyStore(tmp_path / "keys.db", MASTER)
    url: str = request.getfixturevalue("postgres_url")
    return lambda: PostgresKeyStore(url, MASTER)


async def test_a_subject_has_one_key(opened: Callable[[], KeyStore]) -> None:
    """It is made at first, found by its id, and the same ever after; others have others."""
    async with using(opened()) as keys:
        ada, bob = await keys.key_of("customer:ada"), await keys.key_of("customer:bob")
        assert ada.secret is not None
        assert len(ada.secret) == 32
        assert ada != bob
        assert await keys.key_of("customer:ada") == ada
        assert await keys.find([ada.id, bob.id, new_id()]) == {ada.id: ada, bob.id: bob}
        assert await keys.subjects() == ["customer:ada", "customer:bob"]


async def test_whoever_makes_it_at_once_gets_the_same(opened: Callable[[], KeyStore]) -> None:
    """Of many who ask for the first time, on connections of their own, all have the key that is kept."""
    async with using(opened()) as one, using(opened()) as other:
        asked = [store.key_of("customer:ada") for store in (one, other) for _ in range(8)]
        assert len(set(await asyncio.gather(*asked))) == 1


async def test_a_destroyed_key_stays_destroyed(opened: Callable[[], KeyStore]) -> None:
    """Its id is known, it has no secret, and the subject gets no other; nor does one that had none."""
    async with using(opened()) as keys:
        ada = await keys.key_of("customer:ada")
        assert await keys.destroy("customer:ada") == ada.id
        assert await keys.destroy("customer:ada") == ada.id
        assert await keys.destroy("customer:none") is None
        gone = Key(ada.id, "customer:ada", None)
        assert await keys.key_of("customer:ada") == gone
        assert await keys.find([ada.id]) == {ada.id: gone}
        assert (await keys.key_of("customer:none")).secret is None
        assert await keys.subjects() == []


async def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    """Neither as it is nor, once it is destroyed, as the master key has encrypted it; the file is its owner's alone."""
    file = tmp_path / "keys.db"
    async with using(SqliteKeyStore(file, MASTER)) as keys:
        key = await keys.key_of("customer:ada")
        assert key.secret is not None
        before = file.read_bytes()
        assert key.secret not in before
        (wrapped,) = secrets_in(file)
        assert wrapped in before
        await keys.destroy("customer:ada")
        kept = everything_in(tmp_path)
        assert wrapped not in kept
        assert wrapped[12:] not in kept
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_key_says_nothing_of_itself() -> None:
    """Its text has no secret."""
    key = await MemoryKeyStore().key_of("customer:ada")
    assert repr(key) == f"Key({key.id}, 'customer:ada')"


async def test_a_new_master_key_stands_before_the_old_one(tmp_path: Path) -> None:
    """With both, what the old one has encrypted is read; without it, that fails and is not taken for erased."""
    file, newer = tmp_path / "keys.db", "another master key, of 32 characters or more"
    async with using(SqliteKeyStore(file, MASTER)) as keys:
        old = await keys.key_of("customer:ada")
    both = MasterKeys(newer, "a master key of more than 32 characters")
    async with using(SqliteKeyStore(file, both)) as keys:
        assert await keys.key_of("customer:ada") == old
    async with using(SqliteKeyStore(file, MasterKeys(newer))) as keys:
        with pytest.raises(MasterKeyMissing):
            await keys.find([old.id])
        await keys.destroy("customer:ada")
        assert (await keys.key_of("customer:ada")).secret is None


@pytest.mark.parametrize("keys", [(), ("too short",)])
def test_a_master_key_is_needed_and_long(keys: tuple[str, ...]) -> None:
    """None, or one of too few characters, is refused."""
    with pytest.raises(WiringError, match="TWOFOLD_PERSONAL_KEY"):
        MasterKeys(*keys)


async def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    """It is unavailable, without the address and its password, and nothing is taken for erased."""
    with pytest.raises(StoreUnavailable):
        await SqliteKeyStore(tmp_path / "no folder" / "keys.db", MASTER).start()
    nowhere = PostgresKeyStore(f"postgresql://ada:secret@/none?host={tmp_path}", MASTER)
    with pytest.raises(StoreUnavailable) as told:
        await nowhere.start()
    assert "secret" not in str(told.value)
    with pytest.raises(StoreUnavailable, match="closed"):
        await nowhere.find([new_id()])


async def test_two_processes_make_one_key(tmp_path: Path) -> None:
    """Processes of their own that ask at the same time are given the same key."""
    file = tmp_path / "keys.db"
    await SqliteKeyStore(file, MASTER).start()
    running = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _ASK, str(file), stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    said = {(await one.communicate())[0] for one in running}
    assert len(said) == 1
    assert len(said.pop()) > 32


@asynccontextmanager
async def using(keys: KeyStore) -> AsyncGenerator[KeyStore]:
    """A key store, open."""
    await keys.start()
    try:
        yield keys
    finally:
        await keys.stop()


def everything_in(folder: Path) -> bytes:
    """Every byte of every file."""
    return b"".join(one.read_bytes() for one in folder.iterdir())


def secrets_in(file: Path) -> list[bytes]:
    """The secrets as the file has them."""
    with closing(sqlite3.connect(file)) as connection:
        return [one for (one,) in connection.execute("SELECT secret FROM twofold_keys")]


_ASK = """
import asyncio, sys
from twofold.personal import MasterKeys
from twofold.personal.sqlite import SqliteKeyStore
keys = SqliteKeyStore(sys.argv[1], MasterKeys("a master key of more than 32 characters"))
print(asyncio.run(keys.key_of("customer:ada")).secret.hex())
"""
