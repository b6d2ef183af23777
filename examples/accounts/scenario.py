"""What the demo does with accounts: what S1 and S4 promise, seen from outside."""

from dataclasses import dataclass

import httpx

from examples._demo.scenario import Checks
from twofold.clock import new_id

_PHRASE = "correct horse 9"


@dataclass(frozen=True, kw_only=True)
class _Somebody:
    """A user who has signed in."""

    name: str
    id: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        return f"/users/{self.id}"


async def drive(client: httpx.AsyncClient) -> Checks:
    """Register, sign in, change, deactivate and read users; be refused in every way."""
    checks = Checks()
    name = f"ada-{new_id()}"
    await _refusals(client, checks, name)
    await _register(client, checks, name)
    ada = await _sign_in(client, checks, name)
    await _guess(client, checks)
    await _strangers(client, checks, ada)
    await _change(client, checks, ada)
    await _deactivate(client, checks, ada)
    await _numbers(client, checks)
    return checks


async def _refusals(client: httpx.AsyncClient, checks: Checks, name: str) -> None:
    async def told(email: str, password: str) -> httpx.Response:
        return await client.post("/users", json={"email": email, "name": "Ada", "password": password})

    wrong = await told("nobody", "short")
    checks.equal("S1", "an invalid command answers 400", wrong.status_code, 400)
    checks.that("S1", "all findings are told at once", "email" in wrong.text and "password" in wrong.text, wrong.text)
    own = await told(f"{name}@example.com", f"{name}9")
    checks.equal("S1", "the handler's validate stops before it handles", own.status_code, 400)
    leaked = await told(f"{name}@example.com", "Password123")
    checks.equal("S1", "what a domain service refuses is the answer: 400", leaked.status_code, 400)
    away = await told(f"{name}@example.com", "offline-12345")
    checks.equal("S1", "a service that does not answer: 503", away.status_code, 503)
    checks.that("S1", "and when to try again", "Retry-After" in away.headers, away.headers)


async def _register(client: httpx.AsyncClient, checks: Checks, name: str) -> None:
    body = {"email": f"  {name}@Example.COM ", "name": "Ada", "password": _PHRASE}
    key = {"Idempotency-Key": name}
    answers = [await client.post("/users", json=body, headers=key) for _ in range(2)]
    checks.equal("S4", "a new user answers 201", answers[0].status_code, 201)
    checks.equal("S4", "sent again under its key it answers the same id", answers[1].text, answers[0].text)
    other = await client.post("/users", json={**body, "name": "Eve"}, headers=key)
    checks.equal("S4", "another command under the key answers 409", other.status_code, 409)
    taken = await client.post("/users", json=body)
    checks.equal("S4", "a taken e-mail answers 409", taken.status_code, 409)


async def _sign_in(client: httpx.AsyncClient, checks: Checks, name: str) -> _Somebody:
    wrong = await client.post("/sign-in", json={"email": f"{name}@example.com", "password": "something else"})
    checks.equal("S4", "a wrong password answers 401", wrong.status_code, 401)
    answer = await client.post("/sign-in", json={"email": f"{name}@example.com", "password": _PHRASE})
    checks.equal("S4", "signing in answers 200", answer.status_code, 200)
    ticket = answer.json()
    ada = _Somebody(name=name, id=ticket["user_id"], headers={"Authorization": f"Bearer {ticket['token']}"})
    position = {"Twofold-Position": answer.headers["Twofold-Position"]}
    seen = await client.get(ada.path, headers={**ada.headers, **position})
    checks.equal("S1", "the e-mail was normalised", seen.json().get("email"), f"{name}@example.com")
    checks.that("S4", "the caller sees the login that it has just done", seen.json().get("last_login"), seen.text)
    checks.that("S4", "what a query answers holds no password", "password" not in seen.text, seen.text)
    return ada


async def _guess(client: httpx.AsyncClient, checks: Checks) -> None:
    guess = {"email": f"eve-{new_id()}@example.com", "password": "a guess"}
    statuses = [(await client.post("/sign-in", json=guess)).status_code for _ in range(6)]
    checks.equal("S1", "whoever guesses too often is answered 429", statuses, [401] * 5 + [429])


async def _strangers(client: httpx.AsyncClient, checks: Checks, ada: _Somebody) -> None:
    nobody = await client.get(ada.path)
    checks.equal("S4", "somebody who is not signed in is answered 401", nobody.status_code, 401)
    other = await client.put(f"/users/{new_id()}", json={"name": "Eve"}, headers=ada.headers)
    checks.equal("S4", "who would change somebody else is answered 403", other.status_code, 403)
    unknown = await client.get(f"/users/{new_id()}", headers=ada.headers)
    checks.equal("S4", "an unknown user answers 404", unknown.status_code, 404)


async def _change(client: httpx.AsyncClient, checks: Checks, ada: _Somebody) -> None:
    renamed = await client.put(ada.path, json={"name": "Ada L."}, headers=ada.headers)
    moved = await client.put(f"{ada.path}/email", json={"email": f"{ada.name}@example.net"}, headers=ada.headers)
    checks.equal("S4", "changes answer 204", [renamed.status_code, moved.status_code], [204, 204])
    seen = (await client.get(ada.path, headers=ada.headers)).json()
    told = [seen.get(field) for field in ("email", "name", "status")]
    checks.equal("S4", "a query right after them sees both", told, [f"{ada.name}@example.net", "Ada L.", "active"])
    active = (await client.get("/users", params={"status": "active", "page_size": 200}, headers=ada.headers)).json()
    checks.that("S4", "the list has the total of its status", active.get("total", 0) >= 1, active)


async def _deactivate(client: httpx.AsyncClient, checks: Checks, ada: _Somebody) -> None:
    statuses = [(await client.post(f"{ada.path}/deactivate", headers=ada.headers)).status_code for _ in range(2)]
    checks.equal("S1", "deactivating succeeds once; then a business rule answers 400", statuses, [204, 400])
    out = await client.get("/users", headers=ada.headers)
    checks.equal("S4", "a deactivated user reads nothing any more: 403", out.status_code, 403)


async def _numbers(client: httpx.AsyncClient, checks: Checks) -> None:
    numbers = (await client.get("/metrics")).text
    for metric in ("cqrs_command_total", "cqrs_query_total", "cqrs_command_duration_seconds_bucket"):
        checks.that("S4", f"/metrics has {metric}", metric in numbers, "missing")
    checks.that("S1", "/metrics has what a handler tracks itself", 'key="registration.count"' in numbers, "missing")
