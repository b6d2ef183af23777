"""What the demo does with courses: rules that span a course and a student, and a rush on ten seats."""

import asyncio
from collections import Counter

import httpx

from examples._demo.scenario import Checks
from examples._demo.server import caught_up
from examples.courses.domain import MOST_COURSES

_SEATS = 10
_RUSH = 100


async def drive(client: httpx.AsyncClient) -> Checks:
    """Offer courses, fill them, be refused by every rule, and let a hundred students rush on ten seats."""
    checks = Checks()
    await _rules(client, checks)
    await _most(client, checks)
    await _rush(client, checks)
    return checks


async def _rules(client: httpx.AsyncClient, checks: Checks) -> None:
    made = await _define(client, "art", 1)
    checks.equal("S5", "a course answers 201", made.status_code, 201)
    checks.equal("S5", "a course that exists answers 409", (await _define(client, "art", 2)).status_code, 409)
    checks.equal("S5", "an unknown course answers 404", await _subscribe(client, "war", "ada"), 404)
    checks.equal("S5", "a seat that is free is taken", await _subscribe(client, "art", "ada"), 204)
    checks.equal("S5", "a student sits in a course once", await _subscribe(client, "art", "ada"), 409)
    checks.equal("S5", "a full course is refused", await _subscribe(client, "art", "bob"), "course_full")
    await client.post("/courses/art/capacity", json={"capacity": 2})
    checks.equal("S5", "with one more seat it is not", await _subscribe(client, "art", "bob"), 204)
    fewer = await client.post("/courses/art/capacity", json={"capacity": 1})
    checks.equal("S5", "seats that are taken are not taken away", fewer.status_code, 400)
    await client.post("/courses/art/unsubscribe", json={"student_id": "ada"})
    await caught_up(client)
    seen = (await client.get("/courses/art")).json()
    checks.equal("S5", "a seat that is let go is free", (seen.get("taken"), seen.get("students")), (1, ["bob"]))


async def _most(client: httpx.AsyncClient, checks: Checks) -> None:
    names = [f"most-{number}" for number in range(MOST_COURSES + 1)]
    for name in names:
        await _define(client, name, 5)
    told = await asyncio.gather(*(_subscribe(client, name, "eve") for name in names))
    checks.equal("S5", "of six courses at once a student gets five", told.count(204), MOST_COURSES)
    await caught_up(client)
    seen = (await client.get("/students/eve")).json()
    checks.equal("S5", "and sees five of them", len(seen.get("courses", ())), MOST_COURSES)


async def _rush(client: httpx.AsyncClient, checks: Checks) -> None:
    await _define(client, "sea", _SEATS)
    told = Counter(await asyncio.gather(*(_subscribe(client, "sea", f"student-{n}") for n in range(_RUSH))))
    checks.equal("S5", "of a hundred students ten get the ten seats", told[204], _SEATS)
    await caught_up(client)
    seen = (await client.get("/courses/sea")).json()
    checks.equal("S5", "and ten sit in it", (seen.get("taken"), len(seen.get("students", ()))), (_SEATS, _SEATS))


async def _define(client: httpx.AsyncClient, name: str, capacity: int) -> httpx.Response:
    return await client.post("/courses", json={"course_id": name, "title": name.title(), "capacity": capacity})


async def _subscribe(client: httpx.AsyncClient, course: str, student: str) -> int | str:
    """The status of the answer, or the code of the rule that refused."""
    answer = await client.post(f"/courses/{course}/subscribe", json={"student_id": student})
    return str(answer.json()["code"]) if answer.status_code == 400 else answer.status_code
