"""What an application says of its broker, and what keeps it from starting with what it publishes."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest

from tests.messaging.posting import Paid, Posted, posting, record, write
from twofold import App, Erased, Event, Module, Personal, Subject
from twofold.app.catalogue import catalogue_of
from twofold.app.description import describe
from twofold.app.graph import graph_of
from twofold.cli._drawn import as_mermaid, as_svg
from twofold.errors import Fault, MissingExtraError, StartError, WiringError
from twofold.messaging import MemoryBroker
from twofold.testing import fresh, given

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Registered(Event):
    """An event with personal data."""

    customer: Annotated[str, Subject("customer")]
    email: Annotated[str | Erased, Personal("customer")]


class Stranger:
    """No event."""


@dataclass(frozen=True, kw_only=True)
class Unresolved(Event):
    """An event of which nobody knows what it has."""

    what: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # that is the fault


def faults(*declared: Callable[[Module], None], **options: Any) -> list[Fault]:
    """What is wrong with an application whose module declares these."""
    module = Module("post")
    for declare in declared:
        declare(module)
    return App("shop", modules=[module], database="memory:", **({"broker": "memory:"} | options)).check()


@pytest.mark.parametrize(
    "options, code, text",
    [
        ({"events": []}, "unusable_publication", "publishes nothing"),
        ({"events": [Stranger]}, "unusable_publication", "publishes Stranger, which is no event"),
        ({"to": "orders."}, "unusable_publication", "is no place"),
        ({"to": "orders.*"}, "unusable_publication", "is no place"),
        ({"partitions": 0}, "unusable_publication", "cannot be cut into 0 partitions"),
        ({"start": "soon"}, "unusable_publication", "cannot start at 'soon'"),
        ({"start": -1}, "unusable_publication", "cannot start at -1"),
        ({"personal": "readable"}, "unusable_publication", "knows no personal='readable'"),
    ],
)
def test_a_publication_that_cannot_be_is_a_fault(options: dict[str, Any], code: str, text: str) -> None:
    """Told at the start, with what it is about."""
    said: dict[str, Any] = {"events": [Posted], "to": "post"} | options
    (fault,) = faults(lambda module: module.publishes(*said.pop("events"), **said))
    assert (fault.where, fault.code, fault.text) == (f"publication to {said['to']}", code, text)
    assert fault.hint


def test_an_event_is_published_once() -> None:
    """A broker would take the second message for the first: they have one id."""
    (fault,) = faults(
        lambda module: module.publishes(Posted, Paid, to="post"), lambda module: module.publishes(Paid, to="payments")
    )
    assert (fault.code, fault.where) == ("duplicate_publication", "publication to payments")
    assert fault.text == "publishes Paid, which goes to post already"


def test_a_place_is_declared_once() -> None:
    """In an application, not only in a module: its checkpoint is kept under it."""
    (fault,) = faults(
        lambda module: module.publishes(Posted, to="post"), lambda module: module.publishes(Paid, to="post")
    )
    assert (fault.code, fault.text) == ("duplicate_publication", "is declared twice")


def test_a_relay_shares_its_name_with_nobody() -> None:
    """Nor its checkpoint."""

    (fault,) = faults(lambda module: module.publishes(Posted, to="post"), lambda module: write(module, "relay:post"))
    assert (fault.code, fault.where) == ("duplicate_name", "publication to post")


def test_personal_data_keeps_an_application_from_starting() -> None:
    """Unless it says that it is withheld."""

    def declare(module: Module, **options: Any) -> None:
        module.publishes(Registered, to="post", **options)

    (fault,) = faults(declare, key_database="memory:")
    assert fault.code == "personal_published"
    assert fault.text == "publishes Registered, which has personal data: email"
    assert faults(lambda module: declare(module, personal="withheld"), key_database="memory:") == []


def test_an_event_that_cannot_be_encoded_is_told_once() -> None:
    """With what is wrong with it, and nothing about publishing."""
    (fault,) = faults(lambda module: module.publishes(Unresolved, to="post"))
    assert (fault.where, fault.code) == ("Unresolved", "unencodable")


@pytest.mark.parametrize("role, expected", [("all", ["no_broker"]), ("worker", ["no_broker"]), ("api-commands", [])])
async def test_what_is_published_needs_a_broker(
    role: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In every process that works; nothing needs one that publishes nothing."""
    monkeypatch.delenv("TWOFOLD_BROKER", raising=False)
    app = App("shop", modules=[posting()], database=tmp_path / "shop.db")
    app.use_role(role)
    assert [one.code for one in app.check()] == expected
    assert App("shop", modules=[Module("post")], database="memory:").check() == []
    if expected:
        with pytest.raises(StartError, match="publication to post: has no broker to go over"):
            await app.start()


async def test_the_environment_says_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where code says none."""
    monkeypatch.setenv("TWOFOLD_BROKER", "memory:")
    assert App("shop", modules=[posting()], database="memory:").check() == []
    monkeypatch.setenv("TWOFOLD_BROKER", "smoke://hill")
    with pytest.raises(WiringError, match="no driver knows a broker that starts with smoke://"):
        App("shop", modules=[posting()], database="memory:").check()
    broker = MemoryBroker()
    async with App("shop", modules=[posting()], database="memory:", broker=broker) as app:
        await record(app, "a")
        await app.settle()
    assert len(broker.messages) == 1


@pytest.mark.parametrize(
    "address", ["host:4222", "secret@host", "nats://", "nats://a:4222,secret", "nats://u:secret@:1"]
)
def test_an_address_that_is_none_is_told_without_what_it_says(address: str) -> None:
    """A password may be anywhere in it."""
    with pytest.raises(WiringError) as told:
        App("shop", modules=[posting()], database="memory:", broker=address).check()
    assert "secret" not in str(told.value)
    assert "nats://host:4222" in str(told.value)


def test_a_driver_that_is_not_installed_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is opened."""
    for name in [name for name in sys.modules if name.startswith("twofold.drivers.nats")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nats.errors", None)
    with pytest.raises(MissingExtraError) as told:
        App("shop", modules=[posting()], database="memory:", broker="nats://127.0.0.1:1").check()
    assert (told.value.package, told.value.extra) == ("nats", "nats")


def test_production_has_no_broker_that_forgets() -> None:
    """Nobody else would see what is published."""
    found = faults(lambda module: module.publishes(Posted, to="post"), profile="production")
    assert ("the broker", "in_memory") in [(one.where, one.code) for one in found]


def test_it_is_shown_what_leaves() -> None:
    """In descriptions, in the catalogue and in graphs."""
    app = App("shop", modules=[posting()], database="memory:", broker="memory:")
    (relay,) = describe(app).projections
    assert (relay.name, relay.mode, relay.events) == ("relay:post", "relay", ("paid", "posted"))
    followed = {entry.name: entry.followed_by for part in catalogue_of(app) for entry in part.messages}
    assert (followed["posted"], followed["kept"]) == (("relay post",), ())
    graph = graph_of(app)
    assert ("event:posted", "relay:post") in [(edge.start, edge.end) for edge in graph.edges]
    assert any('>"post"]:::relay' in line for line in as_mermaid(graph))
    assert ">post<" in as_svg(graph)


async def test_tests_reach_no_broker() -> None:
    """Whatever the application says: it is given one in memory, or keeps the one that is."""
    app = App("shop", modules=[posting()], database="memory:", broker="nats://nobody.invalid:4222")
    async with fresh(app) as running:
        await record(running, "a")
        await running.settle()
    await given(app, Posted(number=1)).then()
    broker = MemoryBroker()
    async with fresh(App("shop", modules=[posting()], database="memory:", broker=broker)) as running:
        await record(running, "a")
        await running.settle()
    assert len(broker.messages) == 1
