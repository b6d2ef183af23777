"""The pytest plugin: fixtures, and reports of tests, for those who install twofold; found by an entry point.

Every run of pytest in their environment imports this file, so it imports nothing of twofold before a test asks for it,
and stands outside of the package, whose front loads pydantic and dishka.
"""

import sys
from collections.abc import Generator
from importlib import import_module
from typing import Any

import pytest

FAULTS = ("crash before commit", "crash after commit", "duplicate", "reorder", "delay")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Fail a test that leaves a `given(...)` without an awaited `then`: it has shown nothing."""
    _unjudged()
    result = yield
    if left := _unjudged():
        text = "nothing was judged of {}: a test ends with .then(...), which is awaited for an application"
        pytest.fail(text.format(" and ".join(left)), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Hide what stands between a test and the handler that fails; `--full-trace` shows it."""
    for entry in () if call.excinfo is None else call.excinfo.traceback:
        if _is_ours(entry):
            # pytest asks the globals of a frame, too: twofold's own files need not say it.
            entry.frame.f_globals["__tracebackhide__"] = _fails_elsewhere
    return (yield)


def _unjudged() -> list[str]:
    """What was begun and not judged, if anybody has loaded what begins it."""
    room = sys.modules.get("twofold.testing._unjudged")
    left: list[str] = [] if room is None else room.unjudged()
    return left


def _is_ours(entry: Any) -> bool:
    return str(entry.frame.f_globals.get("__name__")).partition(".")[0] == "twofold"


def _fails_elsewhere(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    return not _is_ours(excinfo.traceback[-1])


@pytest.fixture
def virtual_clock() -> Any:
    """A clock that stands still until the test moves it: a `twofold.testing.VirtualClock`."""
    return import_module("twofold.testing").VirtualClock()


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> Any:
    """What happens while handlers work, a `twofold.testing.Fault`: the test is run once for each."""
    return import_module("twofold.testing").Fault(request.param)
