"""One boundary in several processes: exactly as many decisions commit as it allows, however they come together."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
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
        wanted = json.loads(sys.stdin.readline())
        told = await asyncio.gather(*(app.execute(Subscribe(course_id=c, student_id=s)) for c, s in wanted))
        print(json.dumps(Counter(type(one.error).__name__ for one in told)), flush=True)

asyncio.run(main(sys.argv[1]))
"""


@contextmanager
def program(address: str) -> Generator[subprocess.Popen[str]]:
    """A process that sends all that it is told to at once."""
    words = [sys.executable, "-c", RACE, address]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def race(address: str, *wanted: list[tuple[str, str]]) -> Counter[str]:
    """What processes are told in all that subscribe side by side."""
    with program(address) as one, program(address) as other:
        processes = (one, other)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process, pairs in zip(processes, wanted, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps(pairs) + "\n")
            process.stdin.flush()
        answers = await asyncio.gather(*(asyncio.to_thread(process.communicate, timeout=60) for process in processes))
    return sum((Counter(json.loads(said)) for said, _ in answers), Counter[str]())


async def subscribed(app: App) -> Counter[str]:
    """How many subscriptions each course and each student has, by what the log says."""
    head, kind = await app.store.log.head(), frozenset({"student_subscribed"})
    events = await app.store.log.read(0, until=head, limit=1000, where=[Selection(types=kind)])
    return Counter(tag for event in events for tag in event.tags)


async def test_of_a_hundred_in_two_processes_ten_get_the_ten_seats(each_database: Database) -> None:
    """The others are told that it is full, or that they were overtaken all the time."""
    async with campus_on(each_database.address) as app:
        await app.execute(DefineCourse(course_id="c", capacity=10))
        told = await race(each_database.address, *([("c", f"{half}{n}") for n in range(50)] for half in "ab"))
        assert (told.pop("NoneType"), told.total()) == (10, 90)
        assert told.keys() <= {"CourseFull", "ConditionFailed"}
        assert (await subscribed(app))["course:c"] == 10


async def test_rules_that_cross_hold_together(each_database: Database) -> None:
    """No course has too many students and no student too many courses, whoever subscribes whom where."""
    async with campus_on(each_database.address) as app:
        for course in range(7):
            await app.execute(DefineCourse(course_id=f"c{course}", capacity=4))
        everything = [(f"c{course}", f"s{student}") for course in range(7) for student in range(6)]
        told = await race(each_database.address, everything, everything[::-1])
        assert told.keys() <= {"NoneType", "Exists", "CourseFull", "TooManyCourses", "ConditionFailed"}
        counts = await subscribed(app)
        assert counts.total() == 2 * told["NoneType"]
        assert max(counts[f"course:c{course}"] for course in range(7)) == 4
        assert max(counts[f"student:s{student}"] for student in range(6)) <= MOST_COURSES
