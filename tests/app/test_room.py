"""Rooms that are opened when they are asked for."""

import importlib
from types import ModuleType

import pytest

from twofold.app import open_room
from twofold.errors import MissingExtraError


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


def test_a_room_that_is_there_is_opened() -> None:
    """As the module that it is, be there an extra for it or not."""
    assert open_room("twofold.sql").__name__ == "twofold.sql"
    assert open_room("twofold.drivers.sqlite").__name__ == "twofold.drivers.sqlite"
