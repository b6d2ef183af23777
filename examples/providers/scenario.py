"""What the demo does with providers: what S2 promises, seen from outside."""

import asyncio
from typing import Any

import httpx

from examples._demo.scenario import Checks
from twofold.clock import new_id

_PATIENCE = 200


async def drive(client: httpx.AsyncClient) -> Checks:
    """Connect and disconnect providers as somebody new, and read what was noted."""
    checks = Checks()
    client.headers["Authorization"] = f"Bearer {new_id()}"
    await _connect(client, checks)
    await _disconnect(client, checks)
    await _trail(client, checks)
    await _strangers(client, checks)
    return checks


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
    listed = (await client.get("/me/providers")).json()
    checks.equal(
        "S2", "one connection is listed", [(one["provider"], one["account"]) for one in listed], [("github", "ada")]
    )


async def _disconnect(client: httpx.AsyncClient, checks: Checks) -> None:
    gone = await client.delete("/me/providers/github")
    checks.that("S2", "disconnecting succeeds", gone.is_success, gone.text)
    again = await client.delete("/me/providers/github")
    checks.equal("S2", "there is nothing left to disconnect: 404", again.status_code, 404)


async def _trail(client: httpx.AsyncClient, checks: Checks) -> None:
    expected = [
        *(("ConnectAttempted", False), ("ConnectSucceeded", False)),
        *(("ConnectAttempted", False), ("ConnectFailed", True)) * 3,
        *(("DisconnectAttempted", False), ("DisconnectSucceeded", False)),
        *(("DisconnectAttempted", False), ("DisconnectFailed", True)),
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
