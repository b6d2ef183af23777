"""One boundary in several processes: exactly as many decisions commit as it allows, however they come together."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from examples._demo.database import Database
from tests.aggregates.campus import MOST_COURSES, DefineCourse, campus_on
from tests.cli.forked import Talking
from tests.drivers.deciding import Told, prove
from twofold import App
from twofold.app._database import store_of
from twofold.store import Selection
from twofold.testing._store_case import whole_log

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


DECIDE = """
import asyncio, json, sys
from tests.drivers.deciding import deciders, keep_deciding
from twofold.app._database import store_of

async def main(address, first, seconds):
    store = store_of(address, "deciding")
    await store.start()
    print("ready", flush=True)
    sys.stdin.readline()
    deciding = deciders(int(first), 5)
    await asyncio.gather(*(keep_deciding(store, one, float(seconds)) for one in deciding))
    await store.stop()
    print(json.dumps([told for one in deciding for told in one.told]), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def program(source: str, *words: str) -> Talking:
    """A process that does at once what a line tells it to, and says what came of it."""
    return Talking("-c", source, *words, where=ROOT)


async def race(processes: Sequence[Talking], *wanted: Sequence[tuple[str, str]]) -> Counter[str]:
    """What processes are told in all that subscribe side by side."""
    for process, pairs in zip(processes, wanted, strict=True):
        process.say(json.dumps(pairs))
    said = await asyncio.gather(*(asyncio.to_thread(process.stdout.readline) for process in processes))
    return sum((Counter(json.loads(one)) for one in said), Counter[str]())


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
        with program(RACE, each_database.address) as one, program(RACE, each_database.address) as other:
            assert [process.stdout.readline() for process in (one, other)] == ["ready\n"] * 2
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


@pytest.mark.parametrize("seconds", ["1.5", pytest.param("30", marks=pytest.mark.faults)])
async def test_no_decision_of_several_processes_is_committed_too_late(each_database: Database, seconds: str) -> None:
    """Four processes with five writers each, random conditions, and a stall between what was seen and what is written.

    Whoever is refused is refused by an event that its condition means, and nobody is who depends on nothing of others.
    """
    store = store_of(each_database.address, "deciding")
    await store.start()
    with ExitStack() as running:
        processes = [
            running.enter_context(program(DECIDE, each_database.address, str(5 * nth), seconds)) for nth in range(4)
        ]
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 4
        for process in processes:
            process.say("go")
        said = await asyncio.gather(*(asyncio.to_thread(process.stdout.readline) for process in processes))
    prove(await whole_log(store), [Told(*one) for told in said for one in json.loads(told)])
    await store.stop()
