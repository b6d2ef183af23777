"""Functions that are given a connection may be of any kind."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy.util.concurrency import await_

from twofold.drivers.postgres._run import run

pytestmark = pytest.mark.anyio


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def test_all_that_can_be_awaited_is() -> None:
    """A coroutine function, a function that returns an awaitable, and one that does not give what they mean."""
    assert await run(later, 1) == 1
    assert await run(lambda value: later(value + 1), 1) == 2
    assert await run(lambda value: value, 3) == 3


async def test_a_plain_function_can_wait_in_the_event_loop() -> None:
    """What it waits for with SQLAlchemy's means is awaited in the loop, where others go on meanwhile."""
    others = list[str]()
    asyncio.get_running_loop().call_soon(others.append, "went on")
    assert await run(lambda value: (await_(later(value)), *others), 4) == (4, "went on")


async def test_errors_come_out() -> None:
    """Whatever a function raises reaches whoever ran it."""
    for work in (lambda value: value / 0, lambda value: await_(later(value)) / 0):
        with pytest.raises(ZeroDivisionError):
            await run(work, 1)


def test_it_does_without_sqlalchemy() -> None:
    """Where SQLAlchemy is not in use, functions run all the same, and it is not loaded for them."""
    program = """
import asyncio, sys
from twofold.drivers.postgres._run import run

async def later(value):
    return value

async def main():
    print(await run(later, 1), await run(lambda value: value, 2), await run(lambda value: later(value), 3))

asyncio.run(main())
assert not any(name.startswith("sqlalchemy") for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "1 2 3\n"
