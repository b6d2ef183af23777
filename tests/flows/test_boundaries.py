"""One boundary in several processes: exactly as many decisions commit as it allows, however they come together."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples._demo.database import Database
from tests.aggregates.campus import MOST_COURSES, DefineCourse, campus_on
from twofold import App
from twofold.store import Selection

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]

RACE = """
import asyncio, json, sys
from collections import Counter
from tests.aggregates.campus import Subscribe, campus_on

async def main(address):
    async with campus_on(address) as app:
        print("ready", flush=True)
        while wanted := sys.stdin.readline():
            commands = [Subscribe(course_id=c, student_id=s) for c, s in json.loads(wanted)]
            told = await asyncio.gather(*map(app.execute, commands))
            print(json.dumps(Counter(type(one.error).__name__ for one in told)), flush=True)

asyncio.run(main(sys.argv[1]))
"""


@contextmanager
def program(address: str) -> Generator[subprocess.Popen[str]]:
    """A process that sends all that a line tells it to at once."""
    words = [sys.executable, "-c", RACE, address]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def race(processes: Sequence[subprocess.Popen[str]], *wanted: Sequence[tuple[str, str]]) -> Counter[str]:
    """What processes are told in all that subscribe side by side."""
    for process, pairs in zip(processes, wanted, strict=True):
        assert process.stdin is not None
        process.stdin.write(json.dumps(pairs) + "\n")
        process.stdin.flush()
    said = await asyncio.gather(*(asyncio.to_thread(line, process) for process in processes))
    return sum((Counter(json.loads(one)) for one in said), Counter[str]())


def line(process: subprocess.Popen[str]) -> str:
    """The next line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline()


async def subscribed(app: App) -> Counter[str]:
    """How many subscriptions each course and each student has, by what the log says."""
    head, kind = await app.store.log.head(), frozenset({"student_subscribed"})
    events = await app.store.log.read(0, until=head, limit=1000, where=[Selection(types=kind)])
    return Counter(tag for event in events for tag in event.tags)


async def test_exactly_as_many_commit_as_the_rules_allow(each_database: Database) -> None:
    """Of a hundred ten get the ten seats; and rules that cross, of courses and of students, hold together."""
    async with campus_on(each_database.address) as app:
        await app.execute(DefineCourse(course_id="c", capacity=10))
        for course in range(7):
            await app.execute(DefineCourse(course_id=f"c{course}", capacity=4))
        with program(each_database.address) as one, program(each_database.address) as other:
            assert [line(process) for process in (one, other)] == ["ready\n"] * 2
            first = await race((one, other), *([("c", f"{half}{n}") for n in range(50)] for half in "ab"))
            everything = [(f"c{course}", f"s{student}") for course in range(7) for student in range(6)]
            second = await race((one, other), everything, everything[::-1])
        counts = await subscribed(app)
    assert (first["NoneType"], first.total(), counts["course:c"]) == (10, 100, 10)
    assert first.keys() <= {"NoneType", "CourseFull", "ConditionFailed"}
    assert second.keys() <= {"NoneType", "Exists", "CourseFull", "TooManyCourses", "ConditionFailed"}
    assert counts.total() == 2 * (10 + second["NoneType"])
    assert max(counts[f"course:c{course}"] for course in range(7)) == 4
    assert max(counts[f"student:s{student}"] for student in range(6)) <= MOST_COURSES
