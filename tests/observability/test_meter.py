"""The numbers at `/metrics`: what is counted, in which buckets, and what it costs."""

import asyncio
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from twofold.dispatch import Handler
from twofold.errors import StoreUnavailable
from twofold.messages import Command, Kind
from twofold.observability import PrometheusMeter
from twofold.subscriptions import _in_time

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Standing:
    name: str
    lag: int
    failures: int
    waiting: float = 0.0
    still: float = 0.0
    parked: int = 0


def samples(body: bytes) -> dict[tuple[str, ...], float]:
    """Every sample by its name and label values; a bucket's bound comes last."""
    families = text_string_to_metric_families(body.decode())
    return {
        (sample.name, *(value for key, value in sorted(sample.labels.items(), key=lambda label: label[0] == "le"))): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize("kind", Kind)
def test_messages_are_counted_by_name_and_outcome(kind: Kind) -> None:
    """A counter and a histogram for each kind, with the labels message and outcome."""
    meter = PrometheusMeter()
    meter.record(kind, "place_order", "success", 0.002)
    meter.record(kind, "place_order", "success", 0.004)
    meter.record(kind, "place_order", "invalid", 0.001)
    found = samples(meter.render()[0])
    assert found[f"cqrs_{kind}_total", "place_order", "success"] == 2
    assert found[f"cqrs_{kind}_total", "place_order", "invalid"] == 1
    assert found[f"cqrs_{kind}_duration_seconds_count", "place_order", "success"] == 2
    assert found[f"cqrs_{kind}_duration_seconds_sum", "place_order", "success"] == pytest.approx(0.006)


def test_the_labels_are_message_and_outcome_only() -> None:
    """No other label than the two, and the bound of a bucket, ever comes with a message."""
    meter = PrometheusMeter()
    meter.record(Kind.COMMAND, "place_order", "success", 0.002)
    labels = {
        frozenset(sample.labels)
        for family in text_string_to_metric_families(meter.render()[0].decode())
        for sample in family.samples
    }
    assert labels == {frozenset({"message", "outcome"}), frozenset({"message", "outcome", "le"})}


def test_bounds_are_fine_where_handlers_live_and_exact_where_alerts_are_set() -> None:
    """Below 5 ms a step is 100 µs; 0.1 s and 0.5 s are bounds, and what takes just that long is below them."""
    meter = PrometheusMeter()
    for seconds in (0.1, 0.5, 60.0):
        meter.record(Kind.QUERY, "find", "success", seconds)
    found = samples(meter.render()[0])
    below = {float(key[-1]): value for key, value in found.items() if key[0] == "cqrs_query_duration_seconds_bucket"}
    fine = sorted(bound for bound in below if bound <= 0.005)
    assert fine == [step / 10_000 for step in range(1, 51)]
    assert (below[0.1], below[0.5], below[10.0], below[float("inf")]) == (1, 2, 2, 3)


def test_two_meters_never_meet() -> None:
    """What one application counts is not seen by another in the same process."""
    one, other = PrometheusMeter(), PrometheusMeter()
    one.record(Kind.COMMAND, "place_order", "success", 0.002)
    assert samples(other.render()[0]) == {}


async def test_subscriptions_are_asked_when_scraped() -> None:
    """Lag, stillness, parked streams and failures are those of the moment of the scrape."""
    lag = 7

    async def progress() -> list[Standing]:
        return [Standing(name="summary", lag=lag, failures=2, waiting=2.5, still=1.5, parked=3)]

    meter = PrometheusMeter(progress=progress)
    assert samples((await meter.scrape())[0])["cqrs_subscription_lag", "summary"] == 7
    lag = 0
    body, content_type = await meter.scrape()
    assert samples(body)["cqrs_subscription_lag", "summary"] == 0
    assert samples(body)["cqrs_subscription_failures", "summary"] == 2
    assert samples(body)["cqrs_subscription_lag_seconds", "summary"] == 2.5
    assert samples(body)["cqrs_subscription_still_seconds", "summary"] == 1.5
    assert samples(body)["cqrs_subscription_parked_streams", "summary"] == 3
    assert content_type.startswith("text/plain")


@pytest.mark.parametrize("silent", [False, True], ids=["refused", "silent"])
async def test_where_subscriptions_cannot_be_asked_the_rest_is_told(
    silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time, and without what was true before; that they are not known is a number too."""
    fails = False

    async def progress() -> list[Standing]:
        if fails and silent:
            await asyncio.Event().wait()
        if fails:
            raise StoreUnavailable("away")
        return [Standing(name="summary", lag=7, failures=2, waiting=2.5, still=1.5, parked=3)]

    monkeypatch.setattr(_in_time, "_PATIENCE", 0.01)
    meter = PrometheusMeter(progress=progress)
    assert b"cqrs_subscriptions_known 1.0" in (await meter.scrape())[0]
    fails = True
    meter.record(Kind.COMMAND, "place_order", "success", 0.002)
    body, _ = await meter.scrape()
    assert b"cqrs_subscriptions_known 0.0" in body
    assert ("cqrs_subscription_lag", "summary") not in samples(body)
    assert b'cqrs_command_total{message="place_order",outcome="success"} 1.0' in body


def test_what_handlers_count_is_exported() -> None:
    """Each handler's own numbers come by handler and key; registrations of one function are one handler."""

    class Charge(Command[None]):
        pass

    async def charge(command: Charge) -> None: ...

    handlers = [Handler.of(charge), Handler.of(charge)]
    for handler in handlers:
        handler.tools.metrics.record("cards", 2)
    found = samples(PrometheusMeter(handlers=lambda: handlers).render()[0])
    assert found == {("cqrs_handler_metric", handlers[0].id, "cards"): 4}


def test_what_stages_do_is_counted_by_message() -> None:
    """Fallbacks, say."""
    meter = PrometheusMeter()
    meter.count("fallbacks", "get_order")
    meter.count("fallbacks", "get_order")
    assert b'cqrs_fallbacks_total{message="get_order"} 2.0' in meter.render()[0]


def test_refusals_are_counted_by_message_and_code() -> None:
    """So that an open circuit and a full bulkhead, which are both unavailable, are told apart."""
    meter = PrometheusMeter()
    for code in ("circuit_open", "bulkhead_full", "circuit_open"):
        meter.refused("get_order", code)
    body = meter.render()[0]
    assert b'cqrs_refusals_total{code="circuit_open",message="get_order"} 2.0' in body
    assert b'cqrs_refusals_total{code="bulkhead_full",message="get_order"} 1.0' in body
