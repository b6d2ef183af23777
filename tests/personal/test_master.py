"""Master keys of somebody else: who has them does not start, and where things stand is told without any."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.personal.shop import CANARY, Register, Shop
from twofold import App
from twofold.app.administration import administering
from twofold.app.diagnosis import examine
from twofold.errors import StoreUnavailable
from twofold.personal import KeyStore, MasterKeyMissing, MasterKeys
from twofold.personal.postgres import PostgresKeyStore
from twofold.personal.sqlite import SqliteKeyStore
from twofold.web import http

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


async def test_a_key_that_nobody_opens_leaves_the_rest_to_be_told(
    keys: Callable[..., KeyStore], tmp_path: Path
) -> None:
    """What cannot go on fails, and where everything stands is told all the same, by health checks and to operators."""
    file = tmp_path / "shop.db"
    async with shop(keys(RIGHT), file) as app, shop(keys(OTHER), file) as other:
        await app.execute(Register(customer="ada", email=CANARY))
        await other.execute(Register(customer="bob", email=CANARY))
        assert {one.name: one.lag > 0 for one in await app.progress()}["directory"]
        async with httpx.AsyncClient(transport=httpx.ASGITransport(http(app)), base_url="http://shop") as client:
            for path, listed in (("/health/ready", "subscriptions"), ("/health/workers", "workers")):
                told = await client.get(path)
                assert told.status_code == 200
                assert "directory" in {one["name"] for one in told.json()[listed]}
    async with administering(shop(keys(RIGHT), file)) as administration:
        standing = {one.name: one for one in await administration.all()}
    live = standing["directory"].live
    assert live is not None
    assert live.lag > 0


def shop(keys: KeyStore, file: Path) -> App:
    """The application, with its own keys."""
    return Shop(keys).app(file)
