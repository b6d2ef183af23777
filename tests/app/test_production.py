"""Production: what does on a desk, and not where others depend on it, keeps an application from starting."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from twofold import App, Command, Module, Success, public
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import StartError, WiringError
from twofold.store import MemoryStore
from twofold.testing import fresh

pytestmark = pytest.mark.anyio

KEY = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PRINTED = re.findall(r"TWOFOLD_PERSONAL_KEY=(\w+)", (Path(__file__).parents[2] / "docs/personal.md").read_text())[0]


@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    pass


async def greet(command: Greet) -> str:
    return "Hello!"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That of a process that may run in production."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWOFOLD_AUDIT_KEY", KEY)
    for name in ("TWOFOLD_DATABASE", "TWOFOLD_PROFILE", "PYTHONASYNCIODEBUG"):
        monkeypatch.delenv(name, raising=False)


def app_of(options: dict[str, Any] | None = None, **settings: Any) -> App:
    module = Module("greetings")
    module.register(Greet, greet, **({"authorize": public} if options is None else options))
    return App("hello", modules=[module], **{"profile": "production", **settings})


def codes(app: App) -> Collection[str]:
    return [fault.code for fault in app.check()]


async def test_what_is_ready_for_it_runs() -> None:
    """With a file, a key, and a policy for everything."""
    async with app_of() as app:
        assert app.production
        assert await app.execute(Greet()) == Success("Hello!")


@pytest.mark.parametrize(
    "settings, code",
    [
        ({"options": {}}, "unguarded"),
        ({"database": "memory:"}, "in_memory"),
        ({"read_database": MemoryStore()}, "in_memory"),
        ({"key_database": "memory:"}, "in_memory"),
        ({"database": SqliteStore("fast.db", durability="normal")}, "not_durable"),
    ],
)
def test_what_would_be_lost_or_open_is_refused(settings: dict[str, Any], code: str) -> None:
    """And is as it was in development."""
    assert codes(app_of(**settings)) == [code]
    assert codes(app_of(**settings, profile="development")) == []


@pytest.mark.parametrize(
    "name, value, code",
    [
        ("PYTHONASYNCIODEBUG", "1", "debug_mode"),
        ("TWOFOLD_AUDIT_KEY", "", "no_audit_key"),
        ("TWOFOLD_AUDIT_KEY", "0123" * 16, "known_key"),
        ("TWOFOLD_PERSONAL_KEY", PRINTED, "known_key"),
    ],
)
def test_so_is_what_the_environment_says(name: str, value: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debug mode, and keys that are missing, that nobody has made by chance, or that our pages print."""
    monkeypatch.setenv(name, value)
    assert codes(app_of()) == [code]
    assert codes(app_of(profile="development")) == []


def test_only_who_seals_needs_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that takes commands has no use for it, nor has an application without a trail."""
    monkeypatch.delenv("TWOFOLD_AUDIT_KEY")
    app = app_of()
    app.use_role("api-commands")
    assert codes(app) == []
    assert codes(app_of(audit=False)) == []


async def test_all_are_told_at_once_and_nothing_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a hint each, that says which profile asks for it."""
    monkeypatch.delenv("TWOFOLD_AUDIT_KEY")
    with pytest.raises(StartError) as told:
        await app_of({}, database=SqliteStore("unopened.db", durability="normal")).start()
    assert {fault.code for fault in told.value.faults} == {"unguarded", "not_durable", "no_audit_key"}
    assert all(fault.hint for fault in told.value.faults)
    assert not tmp_path.joinpath("unopened.db").exists()


def test_the_environment_says_it_where_code_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """And `use_profile` wins over both; a name that is none is no profile at all."""
    monkeypatch.setenv("TWOFOLD_PROFILE", "production")
    assert app_of(profile=None).production
    app = app_of(profile="development")
    assert not app.production
    app.use_profile("production")
    assert app.production
    monkeypatch.setenv("TWOFOLD_PROFILE", "prod")
    with pytest.raises(WiringError, match="TWOFOLD_PROFILE=prod is neither development nor production"):
        app_of(profile=None)
    with pytest.raises(WiringError, match="profile='live' is neither"):
        app_of(profile="live")


async def test_a_test_is_no_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a store that is lent to it; but a policy that is missing is missing there, too."""
    monkeypatch.delenv("TWOFOLD_AUDIT_KEY")
    async with fresh(app_of()) as app:
        assert await app.execute(Greet()) == Success("Hello!")
    with pytest.raises(StartError, match="runs in production"):
        async with fresh(app_of({})):
            raise AssertionError("it has started")
