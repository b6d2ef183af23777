"""A client sends a command again, as often as it likes, under a key of its own: it is done once."""

import asyncio
from typing import Any

import pytest

from examples._demo.database import Database, PostgresSchema
from tests.app.till import Till, taken
from tests.web.shop import client_of, who
from twofold.dispatch import Idempotency

pytestmark = pytest.mark.anyio
KEY, POSITION = "Idempotency-Key", "Twofold-Position"
ONE: dict[str, Any] = {"amount": "1.50"}


async def test_twenty_at_once_are_one_command() -> None:
    """All of them, and one that comes later, have the same answer and the same position."""
    till = Till()
    app = till.app()
    async with client_of(app, app.http(), **{KEY: "k-1"}) as client:
        answers = await asyncio.gather(*(client.post("/commands/pay", json=ONE) for _ in range(20)))
        answers.append(await client.post("/commands/pay", json={"account": "ada", **ONE}))
        assert {(one.status_code, one.headers[POSITION], one.text) for one in answers} == {(200, "1", answers[0].text)}
        assert await app.store.log.head() == 1
    assert len(till.begun) == 1


async def test_what_a_cancelled_command_held_is_free_again(each_database: Database) -> None:
    """The one connection of a pool, or the writer, and the key: what was begun is undone, and may come again."""
    till = Till()
    till.gate.clear()
    bound = "&pool_size=1" if isinstance(each_database, PostgresSchema) else ""
    app = till.app(f"{each_database.address}{bound}")
    async with client_of(app, app.http(), **{KEY: "k-1"}) as client:
        cancelled = asyncio.create_task(client.post("/commands/pay", json=ONE))
        await till.started.wait()
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        till.gate.set()
        assert (await client.post("/commands/pay", json=ONE)).status_code == 200
        assert await taken(app) == 1


async def test_another_body_is_a_409() -> None:
    """With a problem of its own name."""
    app = Till().app()
    async with client_of(app, app.http(), **{KEY: "k-1"}) as client:
        assert (await client.post("/commands/pay", json=ONE)).status_code == 200
        answer = await client.post("/commands/pay", json={"amount": "2"})
        assert (answer.status_code, answer.json()["code"]) == (409, "key_conflict")
        assert "retry-after" not in answer.headers


async def test_another_user_has_keys_of_their_own() -> None:
    """Nobody is given what somebody else was told, nor learns that they used the key."""
    app = Till().app()
    async with client_of(app, app.http(authenticate=who), **{KEY: "k-1"}) as client:
        users: list[dict[str, str]] = [{}, {"x-user": "ada"}, {"x-user": "bob"}, {"x-user": "ada", "x-tenant": "north"}]
        told = [await client.post("/commands/pay", json=ONE, headers=user) for user in users]
        assert len({answer.json()["id"] for answer in told}) == len(users)
        other = await client.post("/commands/pay", json={"amount": "3"}, headers={"x-user": "eve"})
        assert other.status_code == 200
        again = await client.post("/commands/pay", json=ONE, headers=users[2])
        assert again.json() == told[2].json()


async def test_a_twin_in_flight_is_a_409_with_a_time_to_come_back() -> None:
    """Once it has waited long enough."""
    till = Till(idempotency=Idempotency(twin="refuse"))
    till.gate.clear()
    app = till.app()
    async with client_of(app, app.http(), **{KEY: "k-1"}) as client:
        first = asyncio.create_task(client.post("/commands/pay", json=ONE))
        await till.started.wait()
        twin = await client.post("/commands/pay", json=ONE)
        assert (twin.status_code, twin.json()["code"], twin.headers["retry-after"]) == (409, "key_in_flight", "1")
        till.gate.set()
        done = (await first).json()
        assert done == (await client.post("/commands/pay", json=ONE)).json()


async def test_a_missing_or_impossible_key_is_a_400() -> None:
    """Where one is required, and its header is named; an impossible one everywhere."""
    app = Till(idempotency="required").app()
    async with client_of(app, app.http()) as client:
        missing = await client.post("/commands/pay", json=ONE)
        assert (missing.status_code, missing.json()["code"]) == (400, "invalid")
        assert f"the header {KEY}" in missing.json()["hint"]
        for key in ("", "k" * 256):
            assert (await client.post("/commands/tip", json=ONE, headers={KEY: key})).status_code == 400
        assert (await client.post("/commands/pay", json=ONE, headers={KEY.encode(): b"\xc3\xa9"})).status_code == 200


async def test_two_keys_are_a_400() -> None:
    """There is no telling which one counts, not even when they are the same; nothing is done."""
    till = Till()
    app = till.app()
    async with client_of(app, app.http()) as client:
        for keys in (("k-1", "k-2"), ("k-1", "k-1")):
            refused = await client.post("/commands/pay", json=ONE, headers=[(KEY, key) for key in keys])
            (finding,) = refused.json()["errors"]
            assert (refused.status_code, finding["field"]) == (400, KEY)
            assert finding["message"] == "this can be given once"
    assert till.begun == []


async def test_silence_is_given_again() -> None:
    """A command that answers nothing is a 204 each time."""
    app = Till().app()
    async with client_of(app, app.http(), **{KEY: "k-1"}) as client:
        for _ in range(2):
            answer = await client.post("/commands/tip", json=ONE)
            assert (answer.status_code, answer.headers[POSITION]) == (204, "1")


async def test_the_document_names_the_header() -> None:
    """Where it means something, and whether it is required."""
    for options, required in (({}, [False]), ({"idempotency": "required"}, [True]), ({"idempotency": None}, [])):
        app = Till(**options).app()
        async with client_of(app, app.http()) as client:
            operation = (await client.get("/openapi.json")).json()["paths"]["/commands/pay"]["post"]
            found = [one["required"] for one in operation.get("parameters", []) if one["name"] == KEY]
            assert found == required
