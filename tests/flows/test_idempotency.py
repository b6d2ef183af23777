"""One key in several processes: one of them runs the command, and whatever dies in between, the retry converges."""

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from examples._demo.database import Database
from tests.app.till import Pay, Till, taken
from tests.cli.served import BOUND, Served, wait_until
from tests.drivers.lives import lives

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
KEYS, TWINS = 8, 25

RACE = f"""
import asyncio, json, sys
from decimal import Decimal
from tests.app.till import Pay, Till

async def main():
    till = Till()
    async with till.app(sys.argv[1]) as app:
        print("ready", flush=True)
        sys.stdin.readline()
        message = Pay(amount=Decimal(1), notes=frozenset("abcdefghijkl"))  # in another order in each process
        told = dict()
        for key in range({KEYS}):
            callers = [app.caller(idempotency_key=str(key)) for _ in range({TWINS})]
            slips = await asyncio.gather(*(one.execute(message) for one in callers))
            ends = {{str(slip.value.id) if slip.is_success else repr(slip.error) for slip in slips}}
            told[key] = sorted(ends), sorted({{one.position for one in callers}})
        print(json.dumps([len(till.begun), told]), flush=True)

asyncio.run(main())
"""


@contextmanager
def program(address: str) -> Generator[subprocess.Popen[str]]:
    """A process that races."""
    words = [sys.executable, "-c", RACE, address]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_of_fifty_in_two_processes_one_runs(each_database: Database) -> None:
    """For each of some keys; all of them are told the same, with the same position."""
    async with Till().app(each_database.address) as app:
        with program(each_database.address) as one, program(each_database.address) as other:
            for process in (one, other):
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            for process in (one, other):
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            told = [json.loads(process.communicate(timeout=60)[0]) for process in (one, other)]
        assert sum(begun for begun, _ in told) == await taken(app) == KEYS
    (_, first), (_, second) = told
    assert first == second
    for ends, positions in first.values():
        assert (len(ends), len(positions)) == (1, 1)


DIE = """
import asyncio, os, signal
from decimal import Decimal
from tests.app.till import Pay, Till

steps, mortal, fatal = 0, False, 0

def step():
    global steps
    if mortal and steps == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    steps += mortal

async def main(address, key):
    global mortal
    async with Till().app(address) as app:
        caller = app.caller(idempotency_key=key)
        mortal = True
        (await caller.execute(Pay(amount=Decimal(1)))).unwrap()
        mortal = False

def live(address, moment):
    global fatal
    fatal = moment
    asyncio.run(main(address, f"k-{moment}"))
"""

BEFORE_STATEMENTS = """
from twofold.drivers.sqlite import _open

class Mortal(_open.GuardedConnection):
    def execute(self, *arguments):
        step()
        return super().execute(*arguments)

    def executemany(self, *arguments):
        step()
        return super().executemany(*arguments)

_open.GuardedConnection = Mortal
"""

BEFORE_MESSAGES = """
from asyncio import selector_events

transport = selector_events._SelectorSocketTransport
speak = transport.write

def write(self, data):
    step()
    speak(self, data)

transport.write = write
"""


async def test_death_between_claim_run_reply_and_commit_converges(each_database: Database) -> None:
    """Killed before any statement, or message to the server: sent again, it is done once and answered the same."""
    program = DIE + (BEFORE_MESSAGES if "postgres" in each_database.address else BEFORE_STATEMENTS)
    till = Till()
    died = 0
    async with till.app(each_database.address) as app:
        with lives(program) as live:
            while live(each_database.address, died) == -signal.SIGKILL:
                caller = app.caller(idempotency_key=f"k-{died}")
                slip = (await caller.execute(Pay(amount=Decimal(1)))).unwrap()
                assert (await caller.execute(Pay(amount=Decimal(1)))).unwrap() == slip
                died += 1
                assert await taken(app) == died
        assert await taken(app) == died + 1
    assert died > 5
    assert till.begun


def test_a_killed_server_is_sent_the_same_again(each_database: Database, tmp_path: Path) -> None:
    """Killed behind an answer, and in a handler: started anew it answers the one as before, and does the other once."""
    gate = tmp_path / "gate"
    gate.mkdir()
    words = ("tests.cli.shop:app", "--database", each_database.address)
    slow = {"item": "clock", "gate": str(gate)}
    with Served(*words, folder=tmp_path) as served, ThreadPoolExecutor(1) as pool:
        sold = sent(served, "sell", "k-1", item="pen")
        lost = pool.submit(sent, served, "sell_slowly", "k-2", **slow)
        wait_until((gate / "started").exists, "the handler has started")
        served.signal(signal.SIGKILL)
        assert isinstance(lost.exception(BOUND), httpx.TransportError)
    (gate / "go").touch()
    with Served(*words, folder=tmp_path) as served:
        assert told(sent(served, "sell", "k-1", item="pen")) == told(sold)
        slowly, again = (sent(served, "sell_slowly", "k-2", **slow) for _ in range(2))
        assert told(slowly) == told(again)
        assert sent(served, "sell", "k-1", item="book").status_code == 409
        position = {"Twofold-Position": again.headers["Twofold-Position"], "Twofold-Wait": "10"}
        assert sorted(served.get("/queries/list_items", position).json()) == ["clock", "pen"]


def sent(served: Served, command: str, key: str, **fields: str) -> httpx.Response:
    address = f"{served.address}/commands/{command}"
    return httpx.post(address, json=fields, headers={"Idempotency-Key": key}, timeout=BOUND)


def told(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.text, answer.headers["Twofold-Position"]
