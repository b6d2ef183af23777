"""The pytest plugin: fixtures for those who install twofold, found by the entry point in `pyproject.toml`.

Every run of pytest in their environment imports this file, so it imports nothing of twofold before a test asks for it,
and stands outside of the package, whose front loads pydantic and dishka.
"""

from importlib import import_module
from typing import Any

import pytest

FAULTS = ("crash before commit", "crash after commit", "duplicate", "reorder", "delay")


@pytest.fixture
def virtual_clock() -> Any:
    """A clock that stands still until the test moves it: a `twofold.testing.VirtualClock`."""
    return import_module("twofold.testing").VirtualClock()


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> Any:
    """What happens while handlers work, a `twofold.testing.Fault`: the test is run once for each."""
    return import_module("twofold.testing").Fault(request.param)
