"""What the demo does with the host factory: what S3 promises, seen from outside."""

import httpx

from examples._demo.scenario import Checks
from examples._demo.server import caught_up
from twofold.clock import new_id


async def drive(client: httpx.AsyncClient) -> Checks:
    """Look at the templates, ask for machines, have them start, and be refused in every way."""
    checks = Checks()
    await _templates(client, checks)
    request = await _request(client, checks)
    await _start(client, checks, request)
    await _refusals(client, checks, request)
    return checks


async def _templates(client: httpx.AsyncClient, checks: Checks) -> None:
    listed = await client.get("/templates", params={"limit": 1, "offset": 1})
    checks.equal("S3", "templates come in pages", [one["id"] for one in listed.json()["items"]], ["small"])
    checks.equal("S3", "a page tells how many there are in all", listed.json()["total"], 2)
    some = await client.get("/templates", params={"image": "debian-12"})
    checks.equal("S3", "templates are filtered", [one["id"] for one in some.json()["items"]], ["large"])
    wrong = {"id": "tiny", "image": "debian-0", "max_machines": 1}
    found = await client.post("/templates/validate", json={"template": wrong})
    checks.equal("S3", "an invalid template is an answer: 200", found.status_code, 200)
    checks.equal("S3", "which has what was found", found.json().get("findings"), ["image: there is no debian-0"])


async def _request(client: httpx.AsyncClient, checks: Checks) -> str:
    headers = {"X-Correlation-ID": "host-factory-demo"}
    answer = await client.post(
        "/requests", json={"template_id": "small", "max_number": 2, "attributes": {"team": "web"}}, headers=headers
    )
    checks.equal("S3", "a request answers 201", answer.status_code, 201)
    checks.equal(
        "S3", "the correlation id comes back", answer.headers.get("X-Correlation-ID"), headers["X-Correlation-ID"]
    )
    request = str(answer.json())
    seen = (await client.get(f"/requests/{request}")).json()
    checks.equal("S3", "without being asked for, machines are left out", seen.get("machines"), None)
    checks.equal("S3", "a request keeps its attributes", seen.get("attributes"), {"team": "web"})
    return request


async def _start(client: httpx.AsyncClient, checks: Checks, request: str) -> None:
    await caught_up(client)
    seen = (await client.get(f"/requests/{request}", params={"include_machines": "true"})).json()
    launched = [(one["status"], "address" in one["metadata"]) for one in seen["machines"]]
    checks.equal("S3", "the provider launches what was asked for", launched, [("launched", True)] * 2)
    machines = [machine["id"] for machine in seen["machines"]]
    checks.equal("S3", "as many machines as were asked for", len(machines), 2)
    for machine in machines:
        answer = await client.put(f"/requests/{request}/machines/{machine}", json={"status": "running"})
        checks.that("S3", "a machine may start", answer.is_success, answer.text)
    seen = (await client.get(f"/requests/{request}")).json()
    checks.equal("S3", "with all machines running the request is fulfilled", seen.get("fulfilled"), True)
    again = await client.put(f"/requests/{request}/machines/{machines[0]}", json={"status": "requested"})
    checks.equal("S3", "a machine that runs is not requested again: 400", again.status_code, 400)


async def _refusals(client: httpx.AsyncClient, checks: Checks, request: str) -> None:
    many = await client.post("/requests", json={"template_id": "large", "max_number": 3})
    checks.equal("S3", "more machines than the template allows: 400", many.status_code, 400)
    unknown = await client.post("/requests", json={"template_id": "huge"})
    checks.equal("S3", "an unknown template answers 404", unknown.status_code, 404)
    missing = await client.get(f"/requests/{new_id()}")
    checks.equal("S3", "an unknown request answers 404", missing.status_code, 404)
    stray = await client.put(f"/requests/{request}/machines/{new_id()}", json={"status": "running"})
    checks.equal("S3", "an unknown machine answers 404", stray.status_code, 404)
