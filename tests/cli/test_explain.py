"""`twofold explain`: the pipeline that really runs, and where dependencies come from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cli.conftest import Said
from twofold import App, Module, Query
from twofold.dispatch import Next
from twofold.messages import Context, Kind
from twofold.reliability import Breakers
from twofold.result import Result

Twofold = Callable[..., Said]
SHOP = "tests.cli.shop:app"


@dataclass(frozen=True, kw_only=True)
class Light(Query[int]):
    """How bright it is."""


async def light(query: Light) -> int:
    """As bright as ever."""
    return 1


async def dim(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
    """Go on."""
    return await call_next(message, context)


class Patient:
    """A breaker that never opens."""


_lamps = Module("lamps")
_lamps.register(Light, light, retry=2)
lamps = App("lamps", modules=[_lamps], circuit_breaker=3)
lamps.use(dim, when=Kind.QUERY)
lamps.override(Breakers, Patient())


@pytest.mark.parametrize("name", ["sell", "Sell"])
def test_a_message_is_known_by_wire_name_and_by_class_name(twofold: Twofold, name: str) -> None:
    """The stages stand outermost first, then the handler, then what it is given, by whom and for how long."""
    said = twofold("explain", SHOP, name)
    assert said.code == 0
    told = [line.lstrip("│├└─ ") for line in said.out.splitlines()]
    assert told == [
        "sell  command, version 1, tests.cli.shop.Sell",
        "logging",
        "metrics",
        "audit",
        "validation",
        "idempotency",
        "conflicts",
        "transaction",
        "claim",
        "tests.cli.shop.sell  async, of module shop",
        "idempotency: Idempotency(key=None)  default",
        "events: EventBus  twofold, one per application",
        "till: Till  SilentTill of module shop, one per application",
    ]


def test_what_others_have_put_in_is_named(twofold: Twofold) -> None:
    """What does the work of a setting in the place of twofold's own, and what a middleware was given to."""
    out = twofold("explain", "tests.cli.test_explain:lamps", "light").out
    told = [line.lstrip("│├└─ ") for line in out.splitlines()]
    assert told[-4:] == [
        "tests.cli.test_explain.light  async, of module lamps",
        "circuit_breaker: CircuitBreaker(failures=3)  the application, done by Patient, an override",
        "retry: Retry(attempts=2)  tests.cli.test_explain.light",
        "middleware: tests.cli.test_explain.dim(at=outer, when=query)  the application",
    ]


def test_an_event_shows_who_reacts_and_what_projects_it(twofold: Twofold) -> None:
    """An event has its reactions, each with its pipeline, and its projections with their mode."""
    out = twofold("explain", SHOP, "sold").out
    assert "tests.cli.shop.thank  async, of module shop" in out
    assert "projection sales (async)" in out


def test_machines_get_json(twofold: Twofold) -> None:
    """With --json it is one object."""
    explained = json.loads(twofold("explain", SHOP, "count_sales", "--json").out)
    assert explained["kind"] == "query"
    (handler,) = explained["handlers"]
    assert handler["stages"][-1] == "read only"
    (need,) = handler["needs"]
    assert (need["type"], need["lives_as_long_as"]) == ("ReadSession", "message")


def test_a_typo_gets_a_hint(twofold: Twofold) -> None:
    """A name that nothing has gives exit code 4 and what looks like it."""
    said = twofold("explain", SHOP, "SelSlowly")
    assert said.code == 4
    assert said.err.splitlines() == [
        "twofold: shop knows no message called 'SelSlowly'",
        "  hint: did you mean sell_slowly, sell?",
    ]


def test_without_anything_alike_the_hint_says_where_to_look(twofold: Twofold) -> None:
    """A name that looks like nothing is answered with where all names are."""
    assert "twofold describe" in twofold("explain", SHOP, "zzzz").err


@pytest.mark.parametrize(
    "names, told",
    [
        ((), "Usage: twofold explain"),
        (("sell",), "of which application?"),
        ((SHOP,), f"which message of {SHOP}?"),
        ((SHOP, "sell", "sold"), "one message at a time"),
    ],
)
def test_what_is_missing_is_a_usage_error(twofold: Twofold, names: tuple[str, ...], told: str) -> None:
    """No message, no application, or too much of either is exit code 2."""
    said = twofold("explain", *names)
    assert (said.code, told in said.err + said.out) == (2, True), said.err


def test_the_application_by_option_or_variable(twofold: Twofold, monkeypatch: pytest.MonkeyPatch) -> None:
    """`twofold explain MESSAGE` takes the application from --app or TWOFOLD_APP."""
    expected = twofold("explain", SHOP, "sell").out
    assert twofold("explain", "sell", "--app", SHOP).out == expected
    monkeypatch.setenv("TWOFOLD_APP", SHOP)
    assert twofold("explain", "sell").out == expected
