"""Wire names: stable, explicit, and never taken from a parent."""

import re

import pytest

from twofold.errors import WiringError, snake_case
from twofold.messages import Event, WireName, command, event, query, wire_name


class OrderPlaced(Event):
    """Named by its class."""


@event(name="order-shipped", version=3)
class OrderShipped(Event):
    """Named by hand."""


class OrderShippedAbroad(OrderShipped):
    """A subclass."""


@pytest.mark.parametrize(
    "name, expected",
    [
        ("OrderPlaced", "order_placed"),
        ("HTTPCall", "http_call"),
        ("CallHTTP", "call_http"),
        ("Order2Placed", "order2_placed"),
        ("OrderPlacedV2", "order_placed_v2"),
        ("order", "order"),
    ],
)
def test_a_class_name_becomes_snake_case(name: str, expected: str) -> None:
    """Runs of capitals are one word."""
    assert snake_case(name) == expected


def test_the_class_name_is_the_default() -> None:
    """Version 1 of it."""
    assert wire_name(OrderPlaced) == WireName("order_placed", 1)


def test_a_declared_name_wins() -> None:
    """The class may be renamed; the log does not notice."""
    assert wire_name(OrderShipped) == WireName("order-shipped", 3)


def test_a_declared_name_is_not_inherited() -> None:
    """Else two classes would have one name in the log."""
    assert wire_name(OrderShippedAbroad) == WireName("order_shipped_abroad", 1)


def test_a_version_may_be_declared_alone() -> None:
    """The name stays that of the class; commands and queries do the same."""
    for decorate in (event, command, query):
        assert wire_name(decorate(version=2)(OrderPlaced)) == WireName("order_placed", 2)
    del OrderPlaced.__twofold_name__  # type: ignore[attr-defined]  # set by the decorator


@pytest.mark.parametrize("name", ["", "Order", "order placed", "_order", "order_", "order__placed", "ördr", "a" * 101])
def test_a_name_that_no_address_can_hold_is_refused(name: str) -> None:
    """It goes into URLs, subjects and file names as it is."""
    with pytest.raises(WiringError, match="is no wire name") as refused:
        WireName(name)
    assert "lower-case words" in refused.value.hint


def test_the_hint_has_a_name_that_is_one() -> None:
    """And so says what to write."""
    with pytest.raises(WiringError) as refused:
        WireName("Order Placed")
    (example,) = re.findall(r'name="(.+?)"', refused.value.hint)
    assert WireName(example).name == example


def test_versions_begin_at_one() -> None:
    """Zero is a mistake."""
    with pytest.raises(WiringError):
        WireName("order", 0)
