"""What only a real server shows: connections that break, bodies that stream, and a server that stops."""

import asyncio
import json
import logging
import socket
import threading
from pathlib import Path

import httpx
import pytest

from tests.web.serving import served, wait_until
from tests.web.shop import PlaceOrder, crashes, recorded, shop_app
from twofold import App
from twofold.errors import StartError

BODY = b'{"customer": "ada"}'
HEAD = b"POST /commands/place_order HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
REQUEST = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


class Gate:
    """Holds orders that are being placed until they may go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.cancelled = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: asyncio.Event | None = None

    async def __call__(self, command: PlaceOrder) -> None:
        self._open = self._open or asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.entered.set()
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    def open(self) -> None:
        """Let everything through, from any thread."""
        assert self._loop is not None
        assert self._open is not None
        self._loop.call_soon_threadsafe(self._open.set)


def test_messages_problems_and_health_over_a_socket(tmp_path: Path) -> None:
    """The whole path over HTTP and SQLite, the lifespan included."""
    app = shop_app()
    app.use_database(tmp_path / "shop.db")
    with served(app.http()) as (address, _), httpx.Client(base_url=address) as client:
        placed = client.post("/commands/place_order", json={"customer": "ada"})
        ready = client.get("/health/ready")
        head = client.head("/queries/find_order", params={"sku": "x"})
        nothing = client.put(f"/orders/{'0' * 32}/payment")
    assert (placed.status_code, ready.status_code, head.status_code, nothing.status_code) == (201, 200, 200, 204)
    assert (head.content, nothing.content) == (b"", b"")
    assert "content-length" not in nothing.headers
    assert not app.running


def test_a_client_that_goes_away_undoes_nothing() -> None:
    """A command whose client is gone is carried out all the same, once, and nothing is left behind."""
    gate = Gate()
    app = shop_app(placed=gate)
    with served(app.http()) as (address, _):
        with connected(address) as connection:
            connection.sendall(REQUEST)
            assert gate.entered.wait(20)
        gate.open()
        wait_until(lambda: head_of(app) == 1)
        with httpx.Client(base_url=address) as client:
            assert client.post("/commands/place_order", json={"customer": "bob"}).status_code == 201
        assert head_of(app) == 2


def test_a_server_that_stops_rolls_back_what_it_cancels(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """A command that is cancelled with its server leaves nothing of itself, and the store is sound afterwards."""
    gate = Gate()
    app = shop_app(placed=gate)
    app.use_database(tmp_path / "shop.db")
    with (
        caplog.at_level(logging.CRITICAL, logger="uvicorn.error"),
        served(app.http(), timeout_graceful_shutdown=0) as (address, server),
        connected(address) as connection,
    ):
        connection.sendall(REQUEST)
        assert gate.entered.wait(20)
        server.should_exit = True
        assert gate.cancelled.wait(20)
    assert asyncio.run(recorded_afterwards(tmp_path)) == []


def test_a_client_that_leaves_in_the_middle_of_its_body_began_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Half a body is no command and no crash."""
    app = shop_app()
    with caplog.at_level(logging.ERROR), served(app.http()) as (address, server):
        with connected(address) as connection:
            connection.sendall(HEAD + b"content-length: 100\r\n\r\n" + BODY)
            wait_until(lambda: len(server.server_state.tasks) == 1)
        wait_until(lambda: not server.server_state.tasks)
        assert head_of(app) == 0
    assert caplog.records == []


def test_a_body_that_is_too_large_is_refused_before_it_is_sent() -> None:
    """The answer comes while the client has sent no byte of what it announced."""
    with served(shop_app().http(max_body=10)) as (address, _), connected(address) as connection:
        connection.sendall(HEAD + b"content-length: 1000000000\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_streamed_body_that_grows_too_large_is_refused_on_the_way() -> None:
    """A chunked body is cut at the limit, though its end never comes."""
    with served(shop_app().http(max_body=10)) as (address, _), connected(address) as connection:
        connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n8\r\n        \r\n8\r\n        \r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("framing", [b"content-length: 100", b"transfer-encoding: chunked"])
@pytest.mark.parametrize("begun", [b"", b"8\r\n        \r\n"])
def test_a_body_that_stalls_is_given_up(framing: bytes, begun: bytes) -> None:
    """A client that does not send what it has announced is told so in time, its connection is closed, nothing begun."""
    app = shop_app()
    with served(app.http(patience=0.05)) as (address, server), connected(address) as connection:
        connection.sendall(HEAD + framing + b"\r\n\r\n" + begun)
        head, _, body = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in head
        assert (json.loads(body)["code"], json.loads(body)["type"]) == ("request_timeout", "/problems/request_timeout")
        wait_until(lambda: not server.server_state.connections)
        assert head_of(app) == 0


def test_a_bug_breaks_no_connection(caplog: pytest.LogCaptureFixture) -> None:
    """After a 500 the connection serves on, and nobody but the web room has logged the bug."""
    with (
        caplog.at_level(logging.ERROR),
        served(shop_app().http()) as (address, _),
        httpx.Client(base_url=address) as client,
    ):
        answers = [client.post("/commands/fail", json={"how": how}) for how in ("crash", "plain")]
    assert [answer.status_code for answer in answers] == [500, 400]
    assert [record.name for record in caplog.records if record.exc_info] == ["twofold.web"]
    assert len(crashes(caplog.records)) == 1


def test_a_server_refuses_to_start_with_faults(caplog: pytest.LogCaptureFixture) -> None:
    """A fault is told by the server that cannot start, and nothing is served."""
    app = shop_app()
    with caplog.at_level(logging.CRITICAL, logger="uvicorn.error"), pytest.raises(StartError):
        asyncio.run(start(App("twice", modules=[*app.modules, *app.modules], database="memory:")))


async def start(app: App) -> None:
    web = app.http()
    async with web.router.lifespan_context(web):
        pass


def connected(address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=20)


def head_of(app: App) -> int:
    """The head of a log in memory, which any thread may ask for."""
    return asyncio.run(app.store.log.head())


async def recorded_afterwards(folder: Path) -> list[object]:
    app = shop_app()
    app.use_database(folder / "shop.db")
    async with app:
        return list(await recorded(app))
