"""The command line where events go over a broker, and no broker is said: who neither relays nor receives needs none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli import depot
from tests.cli.conftest import Said
from twofold import App

Twofold = Callable[..., Said]
DEPOT = "tests.cli.depot:app"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that a worker has prepared, which had a broker; here is none, and the application has no role yet."""
    monkeypatch.delenv("TWOFOLD_BROKER", raising=False)
    monkeypatch.chdir(tmp_path)  # where a snapshot of the schema goes
    file = tmp_path / "depot.db"
    with App("depot", modules=[depot.depot], database=file, broker="memory:").sync as working:
        working.execute(depot.ShipStock(stock_id="s-0"))
    monkeypatch.setattr(depot, "app", App("depot", modules=[depot.depot], database=file))
    return file


@pytest.mark.parametrize(
    "command",
    [
        ("describe", DEPOT, "--json"),
        ("describe", DEPOT, "--markdown"),
        ("explain", DEPOT, "ship_stock"),
        ("graph", DEPOT),
        ("send", DEPOT, "ship_stock", "--stock-id", "s-1"),
        ("ask", DEPOT, "count_stock"),
        ("parked", "list", DEPOT),
        ("projections", "list", DEPOT),
        ("audit", "list", DEPOT),
        ("events", "tail", DEPOT, "--from", "0", "--limit", "1"),
        ("schema", "snapshot", DEPOT),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("database")
def test_who_only_looks_or_sends_needs_none(twofold: Twofold, command: tuple[str, ...]) -> None:
    """Only workers relay and receive."""
    said = twofold(*command)
    assert said.code == 0, said.err


@pytest.mark.usefixtures("database", "logging_as_before")
def test_who_relays_needs_one(twofold: Twofold) -> None:
    """It says what goes over it, and where to say it."""
    for command in (("run", DEPOT), ("send", DEPOT, "ship_stock", "--stock-id", "s-1", "--settle")):
        said = twofold(*command)
        assert said.code == 2
        assert "publication to warehouse" in said.err
        assert "consumption from orders" in said.err
        assert "TWOFOLD_BROKER" in said.err


@pytest.mark.usefixtures("database")
def test_the_doctor_says_it_as_a_warning(twofold: Twofold) -> None:
    """It knows no role; with its warnings it goes on to the database."""
    said = twofold("doctor", DEPOT, "--json")
    assert said.code == 0
    found = [(one["severity"], one["code"], one["where"]) for one in json.loads(said.out)]
    assert found == [
        ("warning", "no_broker", "publication to warehouse"),
        ("warning", "no_broker", "consumption from orders"),
    ]
