"""Modules: what a feature exports is only declared, and looked at when the application starts."""

from dataclasses import dataclass
from typing import Any

import pytest
from dishka import Provider, Scope

from twofold.dispatch import Module, Registration
from twofold.errors import WiringError
from twofold.messages import Command, Event, Kind, Query


@dataclass(frozen=True, kw_only=True)
class Place(Command[int]):
    """A command."""


@dataclass(frozen=True, kw_only=True)
class Find(Query[int]):
    """A query."""


@dataclass(frozen=True, kw_only=True)
class Placed(Event):
    """An event."""


def read(module: Module) -> list[tuple[type, Kind, str]]:
    """What its registrations turn out to be."""
    handlers = [registration.read(module.name) for registration in module]
    return [(handler.message_type, handler.kind, handler.name) for handler in handlers]


def test_a_handler_is_declared_with_or_without_parentheses() -> None:
    """And what was decorated is unchanged."""
    orders = Module("orders")

    @orders.handler
    async def place(command: Place) -> int:
        return 1

    @orders.handler(path="/orders/{id}", method="GET", status=203, hidden=True, blocking=True)
    def find(query: Find) -> int:
        return 2

    assert read(orders) == [(Place, Kind.COMMAND, "place"), (Find, Kind.QUERY, "find")]
    second = orders.registrations[1].read("orders")
    assert (second.door.path, second.door.method, second.door.status, second.door.hidden) == (
        "/orders/{id}",
        "GET",
        203,
        True,
    )
    assert second.blocking
    assert second.module == "orders"
    assert find(Find()) == 2


def test_a_class_with_several_handlers_mounts_each_of_them() -> None:
    """Public methods whose first parameter is a message; helpers are left alone."""
    orders = Module("orders")

    @orders.handlers
    class Orders:
        def __init__(self) -> None:
            self.count = 0

        async def place(self, command: Place) -> int:
            return self.count

        def find(self, query: Find) -> int:
            return self.count

        def later(self, query: "Find") -> int:
            return self.count

        def unknown(self, query: "Nowhere") -> int:  # type: ignore[name-defined]  # noqa: F821  # a name that is nowhere
            return self.count

        @staticmethod
        def static(query: Find) -> int:
            return 0

        def total(self, prices: list[int]) -> int:
            return sum(prices)

        def reset(self) -> None:
            self.count = 0

        def _private(self, command: Place) -> None:
            """Not for messages."""

    assert [registration.method for registration in orders] == ["find", "later", "place", "static", "unknown"]
    assert orders.registrations[0].read("orders").name == "find"
    assert orders.registrations[3].read("orders").message_type is Find
    with pytest.raises(WiringError, match="Nowhere"):
        orders.registrations[-1].read("orders")
    assert Orders().total([1, 2]) == 3


def test_a_reaction_is_declared_by_class_or_by_name() -> None:
    """The name is looked up when all events are known."""
    orders = Module("orders")

    @orders.on(Placed)
    async def thank(event: Placed) -> None:
        """React."""

    @orders.on("placed")
    async def count(event: Any) -> None:
        """React too."""

    by_class, by_name = orders
    assert (by_class.message_type, by_class.event_name) == (Placed, None)
    assert (by_name.message_type, by_name.event_name) == (None, "placed")
    found = by_name.reacting_to(Placed)
    assert (found.message_type, found.event_name, found.kind) == (Placed, None, Kind.EVENT)


def test_a_reaction_may_name_several_events() -> None:
    """It reacts to each of them by itself; to name none is a mistake."""
    orders = Module("orders")

    @orders.on(Placed, "cancelled", start="now")
    async def count(event: Any) -> None:
        """React."""

    assert [(one.message_type, one.event_name) for one in orders] == [(Placed, None), (None, "cancelled")]
    assert {(one.target, one.kind, one.following.start) for one in orders} == {(count, Kind.EVENT, "now")}
    with pytest.raises(WiringError, match="name an event"):
        orders.on(blocking=True)


def test_a_handler_can_be_registered_without_decorating_it() -> None:
    """With the kind, for a class that has none."""
    orders = Module("orders")
    orders.register(int, lambda number: number, kind=Kind.QUERY, path="/numbers")
    (registration,) = orders
    assert registration.read("orders").kind is Kind.QUERY
    assert registration.door.path == "/numbers"


def test_it_gathers_events_state_projections_and_providers() -> None:
    """In the order in which they were declared."""
    orders, provider = Module("orders"), Provider(scope=Scope.APP)
    orders.events(Placed)
    orders.state("orders_table")
    orders.include(provider)

    @orders.projection("summary", mode="inline", tables=["summary_table"])
    class Summary:
        """A read model."""

    assert orders.messages == [Placed]
    assert orders.tables == ["orders_table"]
    assert orders.providers == [provider]
    assert [(one.name, one.mode, one.cls, one.tables) for one in orders.projections] == [
        ("summary", "inline", Summary, ("summary_table",))
    ]


def test_an_annotation_is_no_source() -> None:
    """`list[int]` cannot be made; the mistake is told where it is made."""
    with pytest.raises(WiringError, match="annotation"):
        Module("orders").provide(list, list[int])


@pytest.mark.parametrize("scope", ["request", "singleton", None])
def test_a_scope_that_there_is_not(scope: Any) -> None:
    """Somebody comes from another container; the mistake names the two that there are."""
    with pytest.raises(WiringError, match=f"scope={scope!r} is none: .* 'app', or as one 'message'"):
        Module("orders").provide(list, list, scope=scope)


def test_two_registrations_of_one_function_are_two_handlers() -> None:
    """Each has its own pipeline and numbers."""

    async def handle(command: Place) -> int:
        return 1

    registration = Registration(target=handle)
    assert registration.read("a") != registration.read("a")
