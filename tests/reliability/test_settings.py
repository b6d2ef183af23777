"""Settings as texts, and what a plain installation needs for any of it."""

import subprocess
import sys

import pytest

from tests.reliability.virtual import by_type
from twofold.errors import MissingExtraError, WiringError
from twofold.reliability import (
    BackoffRetries,
    Bulkhead,
    CircuitBreaker,
    RateLimit,
    Reliability,
    Retry,
    Timeout,
    WindowLimiters,
    settings_from,
)


def test_all_parts_are_set_by_texts() -> None:
    """By their prefixes; what belongs to something else is passed over, and what is not named keeps its default."""
    texts = {
        "TWOFOLD_CIRCUIT_BREAKER_FAILURES": "7",
        "TWOFOLD_CIRCUIT_BREAKER_OPEN_FOR": "2.5",
        "twofold_rate_limit_rate": "10/second",
        "TWOFOLD_RATE_LIMIT_PER": "tenant",
        "TWOFOLD_RETRY_ATTEMPTS": " 4 ",
        "TWOFOLD_RETRY_TOTAL": "none",
        "TWOFOLD_RETRY_ON": "unavailable",
        "TWOFOLD_TIMEOUT_SECONDS": "1",
        "TWOFOLD_BULKHEAD_CONCURRENT": "20",
        "TWOFOLD_BULKHEAD_WAITING": "0",
        "TWOFOLD_DATABASE": "memory:",
        "RETRY_ATTEMPTS": "many",
    }
    assert settings_from(texts) == Reliability(
        circuit_breaker=CircuitBreaker(failures=7, open_for=2.5),
        rate_limit=RateLimit("10/second", per="tenant"),
        retry=Retry(attempts=4, total=None, on=["unavailable"]),
        timeout=Timeout(seconds=1),
        bulkhead=Bulkhead(concurrent=20, waiting=0),
    )
    assert settings_from({}) == Reliability()


def test_each_part_has_a_short_form() -> None:
    """The name of the part alone, as in code."""
    texts = {"CIRCUIT_BREAKER": "3", "RATE_LIMIT": "1/day", "RETRY": "3", "TIMEOUT": "0.5", "BULKHEAD": "2"}
    assert settings_from(texts, prefix="") == Reliability(
        circuit_breaker=CircuitBreaker.of(3),
        rate_limit=RateLimit.of("1/day"),
        retry=Retry.of(3),
        timeout=Timeout.of(0.5),
        bulkhead=Bulkhead.of(2),
    )


def test_all_mistakes_are_told_together() -> None:
    """A name that sets nothing with those near to it, a text that makes no sense, what is missing or said twice."""
    texts = {
        "SHOP_RETRY_ATEMPTS": "3",
        "SHOP_RETRY_FIRST": "soon",
        "SHOP_BULKHEAD_WAITING": "3",
        "SHOP_TIMEOUT": "1",
        "SHOP_TIMEOUT_SECONDS": "2",
        "SHOP_CIRCUIT_BREAKER_COLOUR": "red",
    }
    with pytest.raises(WiringError) as caught:
        settings_from(texts, prefix="SHOP_")
    told = str(caught.value)
    for part in (
        "SHOP_RETRY_ATEMPTS sets nothing: did you mean SHOP_RETRY_ATTEMPTS?",
        "SHOP_RETRY_*: Retry(first=) is 'soon': expected a number greater than 0, in seconds",
        "SHOP_BULKHEAD_CONCURRENT is missing",
        "SHOP_TIMEOUT_SECONDS is set twice",
        "SHOP_CIRCUIT_BREAKER_COLOUR sets nothing: did you mean SHOP_CIRCUIT_BREAKER_FAILURES, ",
    ):
        assert part in told


def test_shorthands_are_settings() -> None:
    """And settings are taken as they are."""
    for cls, short in ((CircuitBreaker, 3), (Retry, 3), (RateLimit, "1/second"), (Timeout, 1), (Bulkhead, 1)):
        settings = cls.of(short)
        assert cls.of(settings) is settings
    for wrong in ("many", 0, None, True):
        with pytest.raises(WiringError, match=r"circuit_breaker is .*: expected a whole number of at least 1"):
            CircuitBreaker.of(wrong)
    with pytest.raises(WiringError, match="it would never open"):
        CircuitBreaker(failures=None)


@pytest.mark.parametrize("package, room", [("tenacity", "_backoff"), ("limits", "_stored"), ("redis", "_stored")])
def test_a_missing_package_is_named_with_its_extra(package: str, room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the part that needs it is set for a message type, and not before."""
    monkeypatch.delitem(sys.modules, f"twofold.reliability.{room}", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    retries = BackoffRetries(by_type({int: Retry.of(3)}))
    limiters = WindowLimiters(by_type({int: RateLimit("1/second", store="redis://localhost")}))
    with pytest.raises(MissingExtraError, match=package) as caught:
        retries.of(int) if package == "tenacity" else limiters.of(int)
    assert "reliability" in caught.value.hint


def test_nobody_loads_what_is_not_asked_for() -> None:
    """The room with its settings needs none of its third parties."""
    code = "import sys, twofold, twofold.reliability; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "twofold.reliability" in loaded
    assert {"limits", "redis", "stamina", "tenacity"}.intersection(loaded) == set()
