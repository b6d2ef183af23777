"""The dashboard and the alert rules name only numbers that there are, and say what is promised."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web.shop import client_of
from twofold import App, Command, Event, EventBus, Module, Query
from twofold.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).parents[2] / "observability"
ALERTS, DASHBOARD = FOLDER / "alerts.yaml", FOLDER / "dashboard.json"
OF_PROMETHEUS = {"job", "instance"}


@dataclass(frozen=True, kw_only=True)
class Do(Command[None]):
    """Fails twice, and records an event."""


@dataclass(frozen=True, kw_only=True)
class Done(Event):
    """It was done."""


@dataclass(frozen=True, kw_only=True)
class Away(Query[int]):
    """Needs what is away."""


@dataclass(frozen=True, kw_only=True)
class Known(Query[int]):
    """Is kept."""


def application() -> App:
    """One in which everything happens that is counted."""
    module, failures = Module("busy"), [StoreUnavailable("away")] * 2

    @module.handler(retry=3, bulkhead=10)
    async def do(command: Do, bus: EventBus) -> None:
        if failures:
            raise failures.pop()
        await bus.publish(Done())

    @module.on(Done)
    async def react(event: Done) -> None: ...

    @module.handler(circuit_breaker=1, fallback=lambda: 0)
    async def away(query: Away) -> int:
        raise StoreUnavailable("away")

    @module.handler(cache="1h")
    async def known(query: Known) -> int:
        return 7

    return App("busy", modules=[module], database="memory:")


async def scraped() -> dict[str, set[str]]:
    """The labels of every sample of a running application, by name."""
    app = application()
    async with client_of(app, app.http()) as client:
        assert (await client.post("/commands/do", json={})).status_code == 204
        assert (await client.post("/commands/do", json={"nope": 1})).status_code == 400
        for name in ("away", "known", "known"):
            assert (await client.get(f"/queries/{name}")).status_code == 200
        await app.settle()
        text = (await client.get("/metrics")).text
    found = dict[str, set[str]]()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[str]:
    """Every expression of the two files."""
    for block, line in re.findall(r"expr: (?:\|\n((?: {10}.*\n)+)|(.+)\n)", ALERTS.read_text()):
        yield block or line
    dashboard: Any = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])


async def test_every_number_that_is_named_is_there_with_its_labels() -> None:
    """In a scrape of an application in which each has happened once."""
    found, asked = await scraped(), list(expressions())
    assert len(asked) == ALERTS.read_text().count("expr:") + DASHBOARD.read_text().count('"expr":')
    for expression in asked:
        names = re.findall(r"cqrs_\w+", expression)
        assert names, expression
        assert [name for name in names if name not in found] == []
        grouped = {label.strip() for one in re.findall(r"by \(([^)]*)\)", expression) for label in one.split(",")}
        matched = {label for one in re.findall(r"\{([^}]*)\}", expression) for label in re.findall(r"(\w+)=", one)}
        for name in names:
            assert (grouped | matched) - OF_PROMETHEUS <= found[name], (name, expression)


def test_the_four_figures_have_an_alert_each() -> None:
    """100 commands and 1,000 queries a second, 99 of 100 within 0.5 s and 0.1 s; their bounds are exact."""
    text = re.sub(r"\s+", " ", ALERTS.read_text())
    for figure in (
        r"0\.99, sum by \(job, le\) \(rate\(cqrs_command_duration_seconds_bucket\[5m\]\)\)\) > 0\.5 ",
        r"0\.99, sum by \(job, le\) \(rate\(cqrs_query_duration_seconds_bucket\[5m\]\)\)\) > 0\.1 ",
        r"rate\(cqrs_command_total\[5m\]\)\) > 100 ",
        r"rate\(cqrs_query_total\[5m\]\)\) > 1000 ",
    ):
        assert len(re.findall(figure, text)) == 1, figure


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_the_rules() -> None:
    """As promtool says."""
    subprocess.run(["promtool", "check", "rules", str(ALERTS)], check=True, capture_output=True)
