"""What the demo does with providers: what S2 promises, seen from outside."""

import asyncio
from typing import Any

import httpx

from examples._demo.scenario import Checks
from twofold.clock import new_id

_PATIENCE = 200
_OLD, _NEW = "correct horse 9", "battery staple 7"


async def drive(client: httpx.AsyncClient) -> Checks:
    """Register, log in, connect, refresh, disconnect and change the password as somebody new; read what was noted."""
    checks = Checks()
    address = f"ada-{new_id()}@example.com"
    await _register(client, checks, address)
    await _connect(client, checks)
    await _refresh(client, checks)
    await _disconnect(client, checks)
    await _change_password(client, checks, address)
    await _trail(client, checks)
    await _strangers(client, checks)
    return checks


async def _register(client: httpx.AsyncClient, checks: Checks, address: str) -> None:
    made = await client.post("/users", json={"email": f"  {address.upper()} ", "password": _OLD})
    checks.equal("S2", "registering answers 201", made.status_code, 201)
    again = await client.post("/users", json={"email": address, "password": _OLD})
    checks.equal("S2", "the address was normalised, so once more answers 409", again.status_code, 409)
    weak = await client.post("/users", json={"email": f"bob-{address}", "password": "password"})
    checks.equal("S2", "a weak password answers 400", weak.status_code, 400)
    wrong = await client.post("/sessions", json={"email": address, "password": _NEW})
    checks.equal("S2", "logging in with another password answers 401", wrong.status_code, 401)
    for _ in range(2):
        await _log_in(client, checks, address, _OLD)
    sessions = (await client.get("/me/sessions")).json()
    checks.equal("S2", "two sessions are listed, with the total", (len(sessions["items"]), sessions["total"]), (2, 2))
    one = await client.get(f"/me/sessions/{sessions['items'][0]['id']}")
    checks.equal("S2", "one of them is shown by itself", one.json(), sessions["items"][0])


async def _log_in(client: httpx.AsyncClient, checks: Checks, address: str, password: str) -> None:
    opened = await client.post("/sessions", json={"email": address, "password": password})
    checks.equal("S2", "logging in answers 201", opened.status_code, 201)
    client.headers["Authorization"] = f"Bearer {opened.json()}"


async def _connect(client: httpx.AsyncClient, checks: Checks) -> None:
    connected = await client.post("/me/providers/github", json={"code": "user:ada"})
    checks.equal("S2", "connecting answers 201", connected.status_code, 201)
    again = await client.post("/me/providers/github", json={"code": "user:ada"})
    checks.equal("S2", "connecting twice answers 409", again.status_code, 409)
    refused = await client.post("/me/providers/google", json={"code": "made up"})
    checks.equal("S2", "a code that the provider refuses answers 400", refused.status_code, 400)
    down = await client.post("/me/providers/google", json={"code": "down"})
    checks.equal("S2", "a provider that does not answer: 503", down.status_code, 503)
    checks.that("S2", "and when to try again", "Retry-After" in down.headers, down.headers)


async def _refresh(client: httpx.AsyncClient, checks: Checks) -> None:
    before = (await client.get("/me/providers")).json()
    seen = [(one["provider"], one["account"], one["active"]) for one in before["items"]]
    checks.equal("S2", "one connection is listed", (seen, before["total"]), ([("github", "ada", True)], 1))
    refreshed = await client.post("/me/providers/github/tokens")
    checks.equal("S2", "refreshing its tokens succeeds", refreshed.status_code, 200)
    after = (await client.get("/me/providers")).json()
    moved = after["items"][0]["expires_at"] > before["items"][0]["expires_at"]
    checks.that("S2", "and no older answer is given from a cache", moved, after)
    nothing = await client.post("/me/providers/google/tokens")
    checks.equal("S2", "there are no tokens to refresh without a connection: 404", nothing.status_code, 404)


async def _disconnect(client: httpx.AsyncClient, checks: Checks) -> None:
    gone = await client.delete("/me/providers/github")
    checks.that("S2", "disconnecting succeeds", gone.is_success, gone.text)
    again = await client.delete("/me/providers/github")
    checks.equal("S2", "there is nothing left to disconnect: 404", again.status_code, 404)
    shown = await client.get("/me/providers/github")
    checks.equal("S2", "the connection is no longer shown: 404", shown.status_code, 404)
    totals = [
        (await client.get("/me/providers", params={"active_only": only})).json()["total"] for only in ("true", "false")
    ]
    checks.equal("S2", "none is active, and one was", totals, [0, 1])


async def _change_password(client: httpx.AsyncClient, checks: Checks, address: str) -> None:
    wrong = await client.put("/me/password", json={"current": "made up", "new": _NEW})
    checks.equal("S2", "changing the password needs the current one: 400", wrong.status_code, 400)
    sessions = (await client.get("/me/sessions")).json()
    checks.equal("S2", "and without it, no session ends", sessions["total"], 2)
    changed = await client.put("/me/password", json={"current": _OLD, "new": _NEW})
    checks.equal("S2", "with it, the password changes", changed.status_code, 200)
    status = 200
    for _ in range(_PATIENCE):
        status = (await client.get("/me/sessions")).status_code
        if status == 401:
            break
        await asyncio.sleep(0.05)
    checks.equal("S2", "and all sessions end", status, 401)
    await _log_in(client, checks, address, _NEW)
    totals = [
        (await client.get("/me/sessions", params={"active_only": only})).json()["total"] for only in ("true", "false")
    ]
    checks.equal("S2", "one session is active now, of three", totals, [1, 3])


async def _trail(client: httpx.AsyncClient, checks: Checks) -> None:
    expected = [
        ("RegistrationSucceeded", False),
        *(("ConnectAttempted", False), ("ConnectSucceeded", False)),
        *(("ConnectAttempted", False), ("ConnectFailed", True)) * 3,
        *(("RefreshAttempted", False), ("RefreshSucceeded", False)),
        *(("RefreshAttempted", False), ("RefreshFailed", True)),
        *(("DisconnectAttempted", False), ("DisconnectSucceeded", False)),
        *(("DisconnectAttempted", False), ("DisconnectFailed", True)),
        *(("PasswordChangeAttempted", False), ("PasswordChangeFailed", True)),
        *(("PasswordChangeAttempted", False), ("PasswordChangeSucceeded", False)),
    ]
    trail: list[dict[str, Any]] = []
    for _ in range(_PATIENCE):
        trail = (await client.get("/me/trail")).json()
        if len(trail) >= len(expected):
            break
        await asyncio.sleep(0.05)
    noted = [(entry["event"], entry["reason"] is not None) for entry in trail]
    checks.equal("S2", "every attempt and its outcome was noted, failures with their reason", noted, expected)


async def _strangers(client: httpx.AsyncClient, checks: Checks) -> None:
    del client.headers["Authorization"]
    stranger = await client.get("/me/providers")
    checks.equal("S2", "somebody who is not logged in is answered 401", stranger.status_code, 401)
