"""From a setting to a store."""

from pathlib import Path

import pytest

from tests.app.bank import Announce, app_on, told
from twofold import App
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import WiringError
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


async def test_a_store_is_taken_as_it_is() -> None:
    """And is the same after a restart."""
    store = MemoryStore()
    app = app_on(store)
    for _ in range(2):
        async with app:
            await app.execute(Announce(texts=("a",)))
            assert app.store is store
            assert len(await told(store)) >= 1


async def test_memory_forgets() -> None:
    """With every start."""
    app = App("x", database="memory:")
    assert isinstance(app.store, MemoryStore)


@pytest.mark.parametrize("form", ["path", "text", "address", "relative address", "variable", "default"])
async def test_a_file_is_named_in_several_ways(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a path, as text, as an address, by the environment, or after the application."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TWOFOLD_DATABASE", raising=False)
    file = tmp_path / "shop.db"
    if form == "variable":
        monkeypatch.setenv("TWOFOLD_DATABASE", str(file))
    forms: dict[str, str | Path] = {
        "path": file,
        "text": str(file),
        "address": f"sqlite:///{file}",
        "relative address": "sqlite:///shop.db",
    }
    app = App("other" if form == "variable" else "shop", database=forms.get(form))
    assert isinstance(app.store, SqliteStore)
    async with app:
        assert app.check() == []
    assert file.exists()


def test_an_address_that_no_driver_knows_is_refused() -> None:
    """By its scheme, and without what follows it: that may hold a password."""
    with pytest.raises(WiringError, match="oracle://") as raised:
        _ = App("x", database="oracle://scott:tiger@host").store
    assert "tiger" not in str(raised.value)


def test_the_mere_name_of_a_database_is_no_file() -> None:
    """Whoever says `postgres` means the server."""
    with pytest.raises(WiringError, match="write postgres://"):
        _ = App("x", database="postgres").store
