"""Work that comes round again, and what is told when it fails."""

import asyncio
import logging

import pytest

from twofold.app._regularly import Regularly
from twofold.errors import StoreUnavailable

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "error, level, text",
    [
        (StoreUnavailable("gone"), "WARNING", "it cannot be done: StoreUnavailable: gone"),
        (TimeoutError(), "WARNING", "it cannot be done: TimeoutError"),
        (ConnectionResetError("gone"), "WARNING", "it cannot be done: ConnectionResetError: gone"),
        (KeyError("name"), "ERROR", "it cannot be done"),
    ],
)
async def test_what_is_away_is_one_line_and_a_bug_has_its_traceback(
    error: Exception, level: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, until it works again."""
    enough, tried = asyncio.Event(), 0

    async def work() -> bool:
        nonlocal tried
        tried += 1
        if tried == 3:
            enough.set()
        raise error

    regularly = Regularly(work, every=0.0, name="work", logger=logging.getLogger("work"), trouble="it cannot be done")
    await enough.wait()
    await regularly.stop()
    (told,) = [one for one in caplog.records if one.name == "work"]
    assert (told.levelname, told.getMessage(), told.exc_info is None) == (level, text, level == "WARNING")
