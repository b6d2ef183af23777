"""Rooms that are opened when they are asked for."""

import importlib
import sys
from types import ModuleType

import pytest

from twofold.app import open_room
from twofold.errors import Extra, MissingExtraError


@pytest.mark.parametrize(
    "missing, raised", [("fastapi.routing", MissingExtraError), ("twofold.web._gone", ModuleNotFoundError)]
)
def test_a_missing_package_is_named_with_its_extra(
    missing: str, raised: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But a missing file of twofold itself is a bug, and not a missing extra."""

    def fail(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(raised, match="fastapi" if raised is MissingExtraError else "_gone"):
        open_room("twofold.web")


@pytest.mark.parametrize(
    "room, package, extra",
    [
        ("twofold.cli", "rich_click", "cli"),
        ("twofold.drivers.postgres", "asyncpg", "postgres"),
        ("twofold.observability", "prometheus_client", "observability"),
        ("twofold.personal", "cryptography", "personal"),
        ("twofold.sql", "sqlalchemy", "sql"),
        ("twofold.web", "fastapi", "web"),
    ],
)
def test_who_imports_a_room_is_told_its_extra(
    room: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the error that every door raises, which those see as well who try an import."""
    for name in [name for name in sys.modules if name.split(".")[0] == package or name.startswith(room)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError) as told:
        importlib.import_module(room)
    assert isinstance(told.value, MissingExtraError)
    assert (told.value.room, told.value.package, told.value.extra) == (room, package, extra)


def test_what_goes_wrong_otherwise_is_left_as_it_is() -> None:
    """Around imports that need an extra: a bug is no missing package."""
    with pytest.raises(ValueError, match="mine"), Extra("sql", room="here"):
        raise ValueError("mine")


def test_a_room_that_is_there_is_opened() -> None:
    """As the module that it is, be there an extra for it or not."""
    assert open_room("twofold.sql").__name__ == "twofold.sql"
    assert open_room("twofold.drivers.sqlite").__name__ == "twofold.drivers.sqlite"
