"""Liveness, readiness and numbers."""

import asyncio
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.web.shop import OrderPlaced, client_of, shop_app, shop_module
from twofold import App, Module, Unavailable
from twofold.errors import StoreUnavailable, TimedOut
from twofold.messages import Kind
from twofold.store import Batch, Checkpoint, MemoryStore, Move
from twofold.store._memory_checkpoints import MemoryCheckpoints
from twofold.subscriptions import Trouble, _in_time
from twofold.web import add_health

pytestmark = pytest.mark.anyio


async def test_readiness_shows_subscriptions_and_no_errors() -> None:
    """Names, lag and failures are shown; what went wrong is for the log."""
    failing = Module("failing")
    failed: list[Trouble] = []

    @failing.on(OrderPlaced)
    async def fall_over(event: OrderPlaced) -> None:
        raise RuntimeError("secret reason")

    app = shop_app(failing)
    app.observe(observer=failed.append)
    async with client_of(app, app.http()) as client:
        await client.post("/commands/place_order", json={"customer": "ada"})
        with pytest.raises(Exception, match="fall_over"):
            await app.settle(timeout=0.2)
        answer = await client.get("/health/ready")
    (subscription,) = answer.json()["subscriptions"]
    assert answer.status_code == 200
    assert "fall_over" in subscription["name"]
    assert subscription["lag"] >= 1
    assert subscription["failures"] >= 1
    assert failed
    assert "secret" not in answer.text


async def test_a_store_that_is_down_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the store does not answer, neither may traffic come."""
    app = shop_app()
    async with client_of(app, app.http()) as client:
        monkeypatch.setattr(app, "progress", down)
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "unready")
    assert "fire" not in answer.text


@pytest.mark.parametrize("path", ["ready", "workers"])
async def test_a_store_that_is_silent_is_not_waited_for(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who probes is told in time."""
    app = shop_app()
    async with client_of(app, app.http()) as client:
        monkeypatch.setattr(app, "progress", asyncio.Event().wait)
        monkeypatch.setattr(_in_time, "_PATIENCE", 0.01)
        answer = await client.get(f"/health/{path}")
    assert answer.status_code == 503


async def test_workers_that_work_say_how_far_they_are() -> None:
    """Lag in events and seconds, parked streams, and whether anybody follows."""
    silent = Module("silent")

    @silent.on(OrderPlaced)
    async def note(event: OrderPlaced) -> None: ...

    app = shop_app(silent)
    web = app.http()
    async with client_of(app, web) as client:
        await client.post("/commands/place_order", json={"customer": "ada"})
        await app.settle()
        answer = await client.get("/health/workers")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(app, "progress", down)
            unknown = await client.get("/health/workers")
        await app.stop()
        stopped = await client.get("/health/workers")
    (worker,) = answer.json()["workers"]
    assert worker == {
        "name": "silent.note:order_placed",
        "lag": 0,
        "waiting": 0.0,
        "still": 0.0,
        "parked": 0,
        "owned": True,
        "lease": "kept",
        "failures": 0,
        "reason": "",
    }
    assert (answer.status_code, answer.json()["status"]) == (200, "working")
    assert (unknown.status_code, unknown.json()["status"], unknown.json()["workers"]) == (503, "stuck", [])
    assert "fire" not in unknown.text
    assert (stopped.status_code, stopped.json()["status"]) == (503, "stopped")


async def test_a_reader_that_stands_still_while_events_wait_is_noticed() -> None:
    """After the bound and not before; the text of its error stays in the log. Traffic is still taken."""
    failing, clock = Module("failing"), Later()

    @failing.on(OrderPlaced)
    async def fall_over(event: OrderPlaced) -> None:
        raise Unavailable("secret reason")

    app = App("shop", modules=[shop_module(None), failing], database="memory:", clock=clock, stuck_after=30)
    async with client_of(app, app.http()) as client:
        await client.post("/commands/place_order", json={"customer": "ada"})
        with pytest.raises(TimedOut):
            await app.settle(timeout=0.1)
        before = await client.get("/health/workers")
        clock.later += 31
        after = await client.get("/health/workers")
        ready = await client.get("/health/ready")
    (worker,) = after.json()["workers"]
    assert (before.status_code, after.status_code, ready.status_code) == (200, 503, 200)
    assert after.json()["status"] == "stuck"
    assert worker["still"] > 30
    assert worker["waiting"] > 30
    assert worker["lag"] == 1
    assert worker["failures"] >= 1
    assert "secret" not in after.text


async def test_a_subscription_of_another_log_is_noticed_at_once() -> None:
    """No waiting mends that, though nothing waits; the body says why."""
    silent = Module("silent")

    @silent.on(OrderPlaced)
    async def note(event: OrderPlaced) -> None: ...

    store, name, failed = MemoryStore(), "silent.note:order_placed", asyncio.Event()
    await store.start()
    await store.commit(Batch(moves=(Move(name, 7, 0, epoch="another"),)))
    app = App("shop", modules=[shop_module(None), silent], database=store)
    app.observe(observer=lambda _: failed.set())
    async with client_of(app, app.http()) as client:
        await failed.wait()
        answer = await client.get("/health/workers")
    assert (answer.status_code, answer.json()["status"]) == (503, "stuck")
    assert [(one["name"], one["lag"], one["reason"]) for one in answer.json()["workers"]] == [(name, 0, "log_replaced")]


async def test_a_subscription_that_nobody_owns_is_noticed() -> None:
    """Though nothing waits for it yet."""
    silent = Module("silent")

    @silent.on(OrderPlaced)
    async def note(event: OrderPlaced) -> None: ...

    app = shop_app(silent)
    async with client_of(app, app.http()) as client:
        await client.post("/commands/place_order", json={"customer": "ada"})
        await app.settle()
        (checkpoint,) = await app.store.checkpoints.all()
        await app.store.checkpoints.release(checkpoint.owner)
        answer = await client.get("/health/workers")
    assert answer.status_code == 503
    assert [worker["owned"] for worker in answer.json()["workers"]] == [False]


async def test_who_has_died_owns_nothing_once_its_lease_is_over() -> None:
    """A part that follows nothing itself, and is asked twice, says that nobody works any more."""
    silent, clock, store = Module("silent"), Later(), MemoryStore()

    @silent.on(OrderPlaced)
    async def note(event: OrderPlaced) -> None: ...

    app = App("shop", modules=[shop_module(None), silent], database=store, clock=clock, lease=5)
    app.use_role("api-commands")
    await store.start()
    dead = await store.checkpoints.claim(Checkpoint(name="silent.note:order_placed"), "whoever is killed now")
    answers = list[tuple[int, bool]]()
    async with client_of(app, app.http()) as client:
        for later in (0, 4, 2):
            clock.later += later
            answer = await client.get("/health/workers")
            answers.append((answer.status_code, answer.json()["workers"][0]["owned"]))
        await store.checkpoints.renew(dead.owner)
        alive = await client.get("/health/workers")
    assert answers == [(200, True), (200, True), (503, False)]
    assert alive.status_code == 200


async def test_a_worker_that_lives_and_stands_still_is_noticed_from_another_process() -> None:
    """One that only takes commands looks again and again: after the bound it says so, until an event is dealt with."""
    silent, clock, store = Module("silent"), Later(), MemoryStore()

    @silent.on(OrderPlaced)
    async def note(event: OrderPlaced) -> None: ...

    app = App("shop", modules=[shop_module(None), silent], database=store, clock=clock, stuck_after=30)
    app.use_role("api-commands")
    await store.start()
    name = "silent.note:order_placed"
    hung = await store.checkpoints.claim(Checkpoint(name=name), "hung")
    answers = list[tuple[int, int, int]]()

    async def look(client: httpx.AsyncClient, later: float) -> None:
        clock.later += later
        await store.checkpoints.renew(hung.owner)
        answer = await client.get("/health/workers")
        (worker,) = answer.json()["workers"]
        answers.append((answer.status_code, round(worker["waiting"]), round(worker["still"])))

    async with client_of(app, app.http()) as client:
        await look(client, 60)
        for customer in ("ada", "alan"):
            await client.post("/commands/place_order", json={"customer": customer})
        await look(client, 20)
        await look(client, 31)
        metrics = (await client.get("/metrics")).text
        await store.commit(Batch(moves=(Move(name, 1, 0, token=hung.token),)))
        await look(client, 0)
        await store.commit(Batch(moves=(Move(name, 2, 1, token=hung.token),)))
        await look(client, 100)
    assert answers == [(200, 0, 0), (200, 20, 0), (503, 51, 31), (200, 51, 0), (200, 0, 0)]
    assert re.search(rf'cqrs_subscription_still_seconds{{subscription="{name}"}} 31', metrics)
    assert re.search(rf'cqrs_subscription_lag_seconds{{subscription="{name}"}} 51', metrics)


async def test_who_cannot_show_that_it_lives_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line when it begins, and nothing of the error at the door; as long as the lease lasts it goes on working."""
    silent, failing, clock = Module("silent"), asyncio.Event(), Standing()

    @silent.on(OrderPlaced)
    async def note(event: OrderPlaced) -> None: ...

    async def renew(owner: str) -> None:
        tries.append(owner)
        if len(tries) == 3:
            failing.set()
        raise StoreUnavailable("secret reason")

    tries = list[str]()
    app = App("shop", modules=[shop_module(None), silent], database="memory:", clock=clock, lease=0.1)
    async with client_of(app, app.http()) as client:
        await app.settle()
        before = await client.get("/health/workers")
        monkeypatch.setattr(MemoryCheckpoints, "renew", lambda _, owner: renew(owner))
        await failing.wait()
        failed = await client.get("/health/workers")
        clock.time += 7200
        lost = await client.get("/health/workers")
    leases = [answer.json()["workers"][0]["lease"] for answer in (before, failed, lost)]
    assert leases == ["kept", "failing", "lost"]
    assert "secret" not in failed.text + lost.text
    (line,) = [record for record in caplog.records if record.name == "twofold.lease"]
    assert (line.levelname, "secret reason" in caplog.text) == ("WARNING", True)


class Standing:
    """A clock that stands until it is moved: no lease runs out by itself."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Its seconds."""
        return self.time


class Later:
    """The clock of the machine, and so many seconds more."""

    def __init__(self) -> None:
        self.later = 0.0

    def now(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC) + timedelta(seconds=self.later)

    def monotonic(self) -> float:
        """Its seconds."""
        return time.monotonic() + self.later


async def down() -> None:
    """What a store says that is."""
    raise StoreUnavailable("disk on fire")


async def test_metrics_are_served(tmp_path: Path) -> None:
    """Where Prometheus's client is installed, messages are counted with no further ado."""
    app = shop_app()
    app.use_database(tmp_path / "shop.db")
    async with client_of(app, app.http()) as client:
        await client.post("/commands/fail", json={"how": "plain"})
        answer = await client.get("/metrics")
    assert 'cqrs_command_total{message="fail",outcome="refused"} 1.0' in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


class Renders:
    """A meter of one's own that renders."""

    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None:
        """Note one message."""

    def render(self) -> tuple[bytes, str]:
        """What is to be shown."""
        return b"mine", "text/x-mine"


class Counts:
    """A meter of one's own that renders nothing."""

    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None:
        """Note one message."""


async def test_a_meter_of_ones_own_stays() -> None:
    """An application that has a meter keeps it; it is served when it renders."""
    renders, counts = shop_app(), shop_app()
    renders.observe(meter=Renders())
    counts.observe(meter=Counts())
    async with client_of(renders, renders.http()) as client:
        answer = await client.get("/metrics")
        assert (answer.text, answer.headers["content-type"]) == ("mine", "text/x-mine")
    async with client_of(counts, counts.http()) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_who_asks_for_numbers_too_late_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """An application that runs has kept none; one that has a meter serves it whenever it is asked."""
    late, kept = shop_app(), shop_app()
    kept.observe(meter=Renders())
    async with late, kept:
        async with client_of(late, late.http()) as client:
            answer = await client.get("/metrics")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert "make app.http() before it starts" in answer.json()["hint"]
        async with client_of(kept, kept.http()) as client:
            assert (await client.get("/metrics")).text == "mine"
    (said,) = (one.getMessage() for one in caplog.records if one.name == "twofold.web")
    assert said.startswith("there is no /metrics of shop: ")


async def test_an_application_of_yours_has_health_and_metrics_by_a_call() -> None:
    """What is attached adds routes to none of its own accord."""
    app, yours = shop_app(), FastAPI()
    app.attach(yours)
    add_health(app, yours)
    async with client_of(app, yours) as client:
        assert {(await client.get(f"/health/{page}")).status_code for page in ("live", "ready", "workers")} == {200}
        assert "cqrs_" in (await client.get("/metrics")).text


@pytest.mark.parametrize("missing", ["prometheus_client", "structlog"])
async def test_without_the_extra_there_are_no_metrics(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever package of it is missing: that is no error, and the page is not there."""
    for name in [name for name in sys.modules if name.startswith(("twofold.observability", missing))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    app: App = shop_app()
    async with client_of(app, app.http()) as client:
        assert (await client.get("/metrics")).status_code == 404
    assert app.watching.meter is None
