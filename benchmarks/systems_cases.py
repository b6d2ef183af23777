"""A typical command and a typical query of each example, and what has to be there before they are sent."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx

from benchmarks.client import get, post
from twofold.clock import new_id

T = TypeVar("T")

_PHRASE: Final = "correct horse 9"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is sent.

    Args:
        command: The request of the command with a number; each is sent once.
        query: The request of the query with a number.
    """

    command: Callable[[int], bytes]
    query: Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is measured of an example.

    Args:
        command: What the command does.
        writes: What it writes, beside its entry in the audit trail.
        query: What the query asks.
        prepare: Makes what has to be there: so many of what is changed in turn.
    """

    command: str
    writes: str
    query: str
    prepare: Callable[[httpx.AsyncClient, int], Awaitable[Prepared]]


async def _accounts(client: httpx.AsyncClient, some: int) -> Prepared:
    async def user(number: int) -> tuple[str, str]:
        email = f"user-{number}@example.com"
        user = await _made(client, "/users", email=email, name="Ada", password=_PHRASE)
        ticket = await _made(client, "/sign-in", email=email, password=_PHRASE)
        return f"/users/{user}", f"Bearer {ticket['token']}"

    users = await _each(user, some)

    def rename(number: int) -> bytes:
        path, token = users[number % some]
        return post(path, _json(name=f"Ada {number}"), method="PUT", authorization=token)

    def show(number: int) -> bytes:
        path, token = users[number % some]
        return get(path, authorization=token)

    return Prepared(rename, show)


async def _courses(client: httpx.AsyncClient, some: int) -> Prepared:
    for number in range(some):
        await _made(client, "/courses", course_id=f"course-{number}", title="Art", capacity=1000)

    def subscribe(number: int) -> bytes:
        return post(f"/courses/course-{number % some}/subscribe", _json(student_id=f"student-{number}"))

    return Prepared(subscribe, lambda number: get(f"/students/student-{number}"))


async def _hostfactory(client: httpx.AsyncClient, some: int) -> Prepared:
    wanted = {"template_id": "small", "max_number": 2}
    asked = [await _made(client, "/requests", **wanted) for _ in range(some)]
    return Prepared(
        lambda _: post("/requests", _json(**wanted)),
        lambda number: get(f"/requests/{asked[number % some]}?include_machines=true"),
    )


async def _orders(client: httpx.AsyncClient, some: int) -> Prepared:
    lines = [{"sku": f"SKU-{number}", "quantity": number, "unit_price": "2.50"} for number in (1, 2, 3)]
    placed = [await _made(client, "/orders", customer_id=str(new_id()), lines=lines) for _ in range(some)]
    return Prepared(
        lambda _: post("/orders", _json(customer_id=str(new_id()), lines=lines)),
        lambda number: get(f"/orders/{placed[number % some]}"),
    )


async def _providers(client: httpx.AsyncClient, some: int) -> Prepared:
    path = "/me/providers/github"

    async def token(number: int) -> str:
        known = {"email": f"user-{number}@example.com", "password": _PHRASE}
        await _made(client, "/users", **known)
        found = f"Bearer {await _made(client, '/sessions', **known)}"
        connected = await client.post(path, json={"code": "user:ada"}, headers={"Authorization": found})
        connected.raise_for_status()
        return found

    tokens = await _each(token, some)
    return Prepared(
        lambda number: post(f"{path}/tokens", b"", authorization=tokens[number % some]),
        lambda number: get(path, authorization=tokens[number % some]),
    )


async def _each(make: Callable[[int], Awaitable[T]], some: int) -> list[T]:
    """Make so many, two at a time: hashing a password takes a core, and has a time-out."""
    turn = asyncio.Semaphore(2)

    async def one(number: int) -> T:
        async with turn:
            return await make(number)

    return await asyncio.gather(*map(one, range(some)))


async def _made(client: httpx.AsyncClient, path: str, **fields: Any) -> Any:
    answer = await client.post(path, json=fields)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def _json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


CASES: Final[dict[str, Case]] = {
    "accounts": Case(
        command="rename a user", writes="1 event, 2 rows", query="show a user to a member", prepare=_accounts
    ),
    "providers": Case(
        command="refresh tokens, with three events",
        writes="2 events, 1 row",
        query="show a connection",
        prepare=_providers,
    ),
    "hostfactory": Case(
        command="request two machines, which are launched",
        writes="1 event, 3 rows",
        query="show a request with machines",
        prepare=_hostfactory,
    ),
    "orders": Case(
        command="place an order of three lines", writes="1 event, 4 rows", query="show an order", prepare=_orders
    ),
    "courses": Case(
        command="take a seat, under three rules", writes="1 event", query="show a student", prepare=_courses
    ),
}
