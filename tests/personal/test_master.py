"""Master keys of somebody else: who has them does not start."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.personal.shop import CANARY, Register, Shop
from twofold import App
from twofold.app.diagnosis import examine
from twofold.errors import StoreUnavailable
from twofold.personal import KeyStore, MasterKeyMissing, MasterKeys
from twofold.personal.postgres import PostgresKeyStore
from twofold.personal.sqlite import SqliteKeyStore

pytestmark = pytest.mark.anyio

RIGHT, OTHER = "the master key of this application, long", "the master key of another application, long"


@pytest.fixture(params=["sqlite", "postgres"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., KeyStore]:
    """Makes a key store with some master keys; those of one test have the same keys."""
    if request.param == "sqlite":
        return lambda *given: SqliteKeyStore(tmp_path / "keys.db", MasterKeys(*given))
    url: str = request.getfixturevalue("postgres_url")
    return lambda *given: PostgresKeyStore(url, MasterKeys(*given))


async def test_who_has_another_master_key_does_not_start(keys: Callable[..., KeyStore], tmp_path: Path) -> None:
    """Nobody is encrypted under it, and a doctor says the same; with the right one behind it, it is a newer one."""
    file = tmp_path / "shop.db"
    async with shop(keys(RIGHT), file) as app:
        await app.execute(Register(customer="ada", email=CANARY))
        await app.settle()
    with pytest.raises(MasterKeyMissing):
        async with shop(keys(OTHER), file):
            pass
    assert [one.code for one in await examine(shop(keys(OTHER), file)) if one.severity == "fault"] == [
        "master_key_missing"
    ]
    async with shop(keys(OTHER, RIGHT), file) as app:
        await app.execute(Register(customer="bob", email=CANARY))
    async with shop(keys(RIGHT, OTHER), file):
        pass
    with pytest.raises(MasterKeyMissing):
        async with shop(keys(RIGHT), file):
            pass


async def test_destroyed_keys_need_no_master_key(keys: Callable[..., KeyStore], tmp_path: Path) -> None:
    """Where no key is left, as where there never was one, everybody starts."""
    async with shop(keys(RIGHT), tmp_path / "shop.db") as app:
        await app.execute(Register(customer="ada", email=CANARY))
        await app.erase("customer:ada")
    async with shop(keys(OTHER), tmp_path / "shop.db"):
        pass


async def test_keys_that_are_away_are_no_other_keys(tmp_path: Path) -> None:
    """Then the keys cannot be reached, and nothing is said of a master key."""
    with pytest.raises(StoreUnavailable):
        async with shop(SqliteKeyStore(tmp_path / "none" / "keys.db", MasterKeys(RIGHT)), tmp_path / "shop.db"):
            pass


def shop(keys: KeyStore, file: Path) -> App:
    """The application, with its own keys."""
    return Shop(keys).app(file)
