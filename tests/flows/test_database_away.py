"""A service on PostgreSQL whose database becomes slow, goes, and comes back, while requests keep coming."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.cli.served import Served
from tests.until import until
from tools.postgres import Server, private_server

pytestmark = [pytest.mark.anyio, pytest.mark.faults]

RATE: Final = 200
"""Requests in a second: three commands, and then a query."""
WAITING: Final = 12
BOUND: Final = f"&pool_size=2&readers=2&waiting={WAITING}&acquire_timeout=0.5&commit_timeout=2"
QUEUE: Final = re.compile(r'^cqrs_waiting\{queue="writer"\} ([0-9.]+)$', re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    name: str
    status: int
    code: str
    retry_after: str | None
    seconds: float


@dataclass
class Traffic:
    """Sends requests at a steady pace, whether or not earlier ones are answered."""

    address: str
    answers: list[Answer] = field(default_factory=list[Answer])
    queued: list[float] = field(default_factory=list[float])
    """How long the queue of writers was, whenever somebody looked."""
    sent: int = 0

    async def flow(self, seconds: float) -> list[Answer]:
        """Send for so long; what it was all answered."""
        loop = asyncio.get_running_loop()
        begun, due = len(self.answers), loop.time()
        async with asyncio.TaskGroup() as requests:
            for number in range(self.sent, self.sent + int(RATE * seconds)):
                requests.create_task(self._request(number))
                due += 1 / RATE
                await asyncio.sleep(due - loop.time())  # the pace at which requests come
        self.sent += int(RATE * seconds)
        return self.answers[begun:]

    async def _request(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        name, begun = f"item-{number}" if number % 4 < 3 else "query", loop.time()
        if name == "query":
            status, headers, body = await self.request("GET /queries/count_sales")
        else:
            status, headers, body = await self.request("POST /commands/sell", json.dumps({"item": name}))
        code = json.loads(body)["code"] if status != 200 else ""
        self.answers.append(Answer(name, status, code, headers.get("retry-after"), loop.time() - begun))
        if number % 20 == 0:
            _, _, numbers = await self.request("GET /metrics")
            self.queued += [float(length) for length in QUEUE.findall(numbers)]

    async def request(self, line: str, body: str = "") -> tuple[int, dict[str, str], str]:
        """Send a request on a connection of its own: a client that keeps hundreds of them costs more than the server.

        Args:
            line: Its method and path.
            body: A body of JSON.

        Returns:
            The status, the headers and the body.
        """
        host = urlsplit(self.address)
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        head = [f"{line} HTTP/1.1", f"Host: {host.netloc}", "Connection: close"]
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", body]
        writer.write("\r\n".join(head).encode())
        first, _, told = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        status, *headers = first.split("\r\n")
        pairs = (header.partition(": ") for header in headers)
        return int(status.split()[1]), {name.lower(): value for name, _, value in pairs}, told


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that may be stopped."""
    with private_server() as server:
        yield server


@pytest.fixture
async def traffic(server: Server, tmp_path: Path) -> AsyncIterator[Traffic]:
    """Requests to a service with few connections and a short queue."""
    with Served("tests.cli.shop:app", "--database", server.url() + BOUND, folder=tmp_path) as served:
        yield Traffic(served.address)


async def test_all_are_answered_and_told_when_to_come_again_while_it_is_slow_or_gone(
    server: Server, traffic: Traffic
) -> None:
    """200 requests a second, three of four commands: every answer is a 200, or a 503 with `Retry-After`.

    While nobody can write for 5 s, the queue has its bound and queries are answered as ever. While the database is
    gone nobody waits for it. Once it is back everything is done again, without a restart, and what was answered with
    200 is in the log, and nothing else unless its sender was told that nobody knows.
    """
    async with _locked(server):
        slow = await traffic.flow(5)
    assert {one.status for one in slow if one.name == "query"} == {200}
    assert 503 in {one.status for one in slow}
    assert max(one.seconds for one in slow) < _PATIENCE

    gone, _ = await asyncio.gather(traffic.flow(3), asyncio.to_thread(server.stop, "fast"))
    assert {one.status for one in gone[-RATE:]} == {503}
    assert max(one.seconds for one in gone) < _PATIENCE

    await asyncio.to_thread(server.start)
    await _ready(traffic)
    assert {one.status for one in await traffic.flow(1)} == {200}

    told = [one for one in traffic.answers if one.status != 200]
    assert {one.status for one in told} == {503}
    assert all(one.retry_after is not None and int(one.retry_after) >= 1 for one in told)
    assert max(traffic.queued) <= WAITING
    assert max(traffic.queued) > 0
    await _the_log_has_what_was_answered(server, traffic)


async def _the_log_has_what_was_answered(server: Server, traffic: Traffic) -> None:
    commands = [one for one in traffic.answers if one.name != "query"]
    connection = await asyncpg.connect(server.url())
    try:
        events = await connection.fetch("SELECT data FROM twofold_events")
    finally:
        await connection.close()
    sold = Counter(item for (data,) in events if (item := json.loads(data)["item"]) != _FIRST)
    assert sold.total() == len(sold)
    done = {one.name for one in commands if one.status == 200}
    unknown = {one.name for one in commands if one.code == "outcome_unknown"}
    assert done <= sold.keys()
    assert sold.keys() - done <= unknown


@asynccontextmanager
async def _locked(server: Server) -> AsyncIterator[None]:
    """Let nobody write into the log, as a database does that is slow; reading goes on."""
    connection = await asyncpg.connect(server.url())
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE twofold_events IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def _ready(traffic: Traffic) -> None:
    async def is_taken() -> bool:
        return (await traffic.request("POST /commands/sell", json.dumps({"item": _FIRST})))[0] == 200

    await until(is_taken, within=20)


_FIRST: Final = "asked for until it is done"
_PATIENCE: Final = 10.0
"""How long anybody waits at most: the times that the address has, and a busy machine."""
