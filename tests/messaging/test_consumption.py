"""What is declared to be consumed: what keeps an application from starting with it, and where it is shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.messaging.buying import Invoiced, Paid, billing
from tests.messaging.posting import write
from twofold import App, Module, Success
from twofold.app.catalogue import catalogue_of
from twofold.app.description import describe
from twofold.app.graph import graph_of
from twofold.cli._drawn import as_mermaid, as_svg
from twofold.messaging import MemoryBroker, Outgoing

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "options, code",
    [
        ({"place": "orders.>"}, "unusable_consumption"),
        ({"start": "later"}, "unusable_consumption"),
        ({"tenants": "believed"}, "unusable_consumption"),
        ({"remembered": 0}, "unusable_consumption"),
        ({"broker": None}, "no_broker"),
    ],
)
def test_what_cannot_be_done_keeps_it_from_starting(
    options: dict[str, Any], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the place, and what to write instead."""
    monkeypatch.delenv("TWOFOLD_BROKER", raising=False)
    broker = options.pop("broker", MemoryBroker())
    (fault,) = App("billing", modules=[billing(**options)], database="memory:", broker=broker).check()
    assert (fault.code, fault.where) == (code, f"consumption from {options.get('place', 'orders')}")
    assert fault.hint


def test_what_is_received_must_not_go_round() -> None:
    """An event that comes in does not leave again, a place is said once, and what is no event does not come."""
    module = billing()
    module.publishes(Paid, to="elsewhere")
    assert [one.code for one in App("billing", modules=[module], database="memory:", broker="memory:").check()] == [
        "goes_round"
    ]
    module = billing()
    module.consumes(Invoiced, from_="orders")
    assert [one.code for one in App("billing", modules=[module], database="memory:", broker="memory:").check()] == [
        "duplicate_consumption"
    ]
    empty = Module("empty")
    empty.consumes(from_="orders")
    assert [one.code for one in App("billing", modules=[empty], database="memory:", broker="memory:").check()] == [
        "unusable_consumption"
    ]


def test_a_broker_that_only_takes_messages_is_a_fault() -> None:
    """It says so before anything starts."""

    class Taking:
        async def publish(self, messages: Sequence[Outgoing]) -> Sequence[None]:
            return [None for _ in messages]

        async def close(self) -> None: ...

    (fault,) = App("billing", modules=[billing()], database="memory:", broker=Taking()).check()
    assert fault.code == "no_receiving_broker"


def test_a_name_that_inboxes_have_is_nobody_elses() -> None:
    """What is parked under it is told from events of the log by that."""
    module = Module("post")
    write(module, "inbox:orders")
    assert [one.code for one in App("shop", modules=[module], database="memory:").check()] == ["reserved_name"]


def test_what_is_received_is_shown() -> None:
    """By `twofold describe` and by the graph: from the inbox to its events, and on to their reactions."""
    app = App("billing", modules=[billing()], database="memory:", broker="memory:")
    (inbox,) = describe(app).projections
    assert (inbox.name, inbox.mode, inbox.events) == ("inbox:orders", "inbox", ("paid",))
    graph = graph_of(app)
    assert ("inbox:orders", "event:paid", "records") in [(one.start, one.end, one.verb) for one in graph.edges]
    assert any('[/"orders"/]:::inbox' in line for line in as_mermaid(graph))
    assert ">orders<" in as_svg(graph)
    caused = {one.name: one.caused_by for part in catalogue_of(app) for one in part.messages}
    assert caused["paid"] == ("inbox orders",)


async def test_who_does_not_work_needs_no_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only workers receive."""
    monkeypatch.delenv("TWOFOLD_BROKER", raising=False)
    path = tmp_path / "own.db"
    async with App("billing", modules=[billing()], database=path, broker="memory:"):
        pass
    app = App("billing", modules=[billing()], database=path)
    app.use_role("api-commands")
    async with app:
        assert await app.publish(Invoiced(order_id="a", amount=1)) == Success(None)
