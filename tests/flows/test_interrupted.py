"""Processes that die or freeze at work: what they attempted comes to one end, which another process tells."""

import signal
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples._demo.database import Database
from tests.app.bench import Bench, ended, lengths, told
from tests.cli.forked import Talking
from tests.drivers.lives import lives
from tests.flows.test_idempotency import BEFORE_MESSAGES, BEFORE_STATEMENTS

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
SOON = 0.5

WAIT = """
import asyncio, sys
from tests.app.bench import Bench, Work

async def wait():
    print("begun", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

async def main():
    async with Bench(wait).app(sys.argv[1]) as app:
        result = await app.execute(Work(name="chair"))
        print(type(result.error).__name__, flush=True)

asyncio.run(main())
"""


@contextmanager
def at_work(address: str) -> Generator[Talking]:
    """A process that has begun, and goes on when it is told to."""
    with Talking("-c", WAIT, address, where=ROOT) as process:
        assert process.stdout.readline() == "begun\n"
        yield process


async def test_a_process_that_was_frozen_finds_its_attempt_closed(each_database: Database) -> None:
    """Another one has told that it was interrupted: what it does when it wakes up is refused and undone."""
    async with Bench().app(each_database.address, interrupted_after=SOON) as app:
        with at_work(each_database.address) as process:
            process.send_signal(signal.SIGSTOP)
            await ended(app)
            process.send_signal(signal.SIGCONT)
            process.say("go")
            told_it = process.communicate()
        assert told_it == "Interrupted\n"
        assert await told(app) == ["attempted chair", "failed the chair: interrupted"]


DIE = """
import asyncio, os, signal
from tests.app.bench import Bench, Work

steps, mortal, fatal = 0, False, 0

def step():
    global steps
    if mortal and steps == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    steps += mortal

async def main(address):
    global mortal
    async with Bench().app(address, audit=False) as app:
        mortal = True
        (await app.execute(Work(name=str(fatal)))).unwrap()
        mortal = False

def live(address, moment):
    global fatal
    fatal = moment
    asyncio.run(main(address))
"""


async def test_death_at_any_moment_leaves_one_end(each_database: Database) -> None:
    """Killed before any statement, or message to the server: what was attempted has failed, or was done whole."""
    program = DIE + (BEFORE_MESSAGES if "postgres" in each_database.address else BEFORE_STATEMENTS)
    died = 0
    async with Bench().app(each_database.address, interrupted_after=SOON) as app:
        with lives(program) as live:
            while live(each_database.address, died) == -signal.SIGKILL:
                died += 1
        await ended(app)
        log = await told(app)
        attempts = await lengths(app)
    words = Counter(line.split()[0] for line in log)
    assert died > 2
    assert attempts == Counter({2: words["attempted"]})
    assert words["succeeded"] == words["made"] >= 1
    assert words["failed"] == words["attempted"] - words["succeeded"] >= 1
    assert all(line.endswith(": interrupted") for line in log if line.startswith("failed"))
