"""What the demo does with accounts: what S1 and S4 promise, seen from outside."""

from urllib.parse import quote

import httpx

from examples._demo.scenario import Checks
from twofold.clock import new_id

_PHRASE = "correct horse 9"


async def drive(client: httpx.AsyncClient) -> Checks:
    """Register, change, close and read accounts; be refused in every way."""
    checks = Checks()
    name = f"ada-{new_id()}"
    account_id = await _register(client, checks, name)
    await _refusals(client, checks, name)
    await _change_and_close(client, checks, account_id, name)
    await _numbers(client, checks)
    return checks


async def _register(client: httpx.AsyncClient, checks: Checks, name: str) -> str:
    answer = await client.post("/accounts", json={"email": f"  {name}@Example.COM ", "password": _PHRASE})
    checks.equal("S4", "a new account answers 201", answer.status_code, 201)
    account_id = str(answer.json())
    seen = await client.get(f"/accounts/{quote(account_id)}")
    checks.equal("S4", "a query right after the command sees the account", seen.status_code, 200)
    checks.equal("S1", "the e-mail was normalised", seen.json().get("email"), f"{name}@example.com")
    checks.that("S4", "what a query answers holds no password", "password" not in seen.text, seen.text)
    return account_id


async def _refusals(client: httpx.AsyncClient, checks: Checks, name: str) -> None:
    taken = await client.post("/accounts", json={"email": f"{name}@example.com", "password": _PHRASE})
    checks.equal("S4", "a taken e-mail answers 409", taken.status_code, 409)
    wrong = await client.post("/accounts", json={"email": "nobody", "password": "short"})
    checks.equal("S1", "an invalid command answers 400", wrong.status_code, 400)
    checks.that("S1", "all findings are told at once", "email" in wrong.text and "password" in wrong.text, wrong.text)
    own_name = await client.post("/accounts", json={"email": f"{name}@example.org", "password": f"{name}9"})
    checks.equal("S1", "the handler's validate stops before it handles", own_name.status_code, 400)
    unknown = await client.get(f"/accounts/{new_id()}")
    checks.equal("S4", "an unknown account answers 404", unknown.status_code, 404)


async def _change_and_close(client: httpx.AsyncClient, checks: Checks, account_id: str, name: str) -> None:
    path = f"/accounts/{quote(account_id)}"
    changed = await client.put(f"{path}/email", json={"email": f"{name}@example.net"})
    checks.that("S4", "changing the e-mail succeeds", changed.is_success, changed.text)
    closed = await client.post(f"{path}/close")
    checks.that("S4", "closing succeeds", closed.is_success, closed.text)
    again = await client.post(f"{path}/close")
    checks.equal("S1", "a business rule answers 400", again.status_code, 400)
    seen = (await client.get(path)).json()
    expected = {"id": account_id, "email": f"{name}@example.net", "closed": True, "email_changes": 1}
    checks.equal("S4", "the read model tells the same story", seen, expected)
    listed = (await client.get("/accounts", params={"closed": "true"})).json()
    checks.that("S4", "the list finds the closed account", expected in listed["items"], listed)


async def _numbers(client: httpx.AsyncClient, checks: Checks) -> None:
    numbers = (await client.get("/metrics")).text
    for metric in ("cqrs_command_total", "cqrs_query_total", "cqrs_command_duration_seconds_bucket"):
        checks.that("S4", f"/metrics has {metric}", metric in numbers, "missing")
