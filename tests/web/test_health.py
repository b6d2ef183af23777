"""Liveness, readiness and numbers."""

import importlib.util
from pathlib import Path

import pytest

from tests.web.shop import OrderPlaced, client_of, shop_app
from twofold import App, Module
from twofold.errors import StoreUnavailable
from twofold.messages import Kind
from twofold.subscriptions import Trouble

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

    async def down() -> None:
        raise StoreUnavailable("disk on fire")

    async with client_of(app, app.http()) as client:
        monkeypatch.setattr(app, "progress", down)
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "unready")
    assert "fire" not in answer.text


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


async def test_without_prometheus_there_are_no_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra is no error: the page is not there."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "prometheus_client" else found(name))
    app: App = shop_app()
    async with client_of(app, app.http()) as client:
        assert (await client.get("/metrics")).status_code == 404
    assert app.meter is None
