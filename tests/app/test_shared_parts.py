"""Parts of reliability that several messages share by their name have one setting."""

from dataclasses import dataclass
from typing import Any

import pytest

from twofold import App, Module, Query
from twofold.reliability import Bulkhead, CircuitBreaker, RateLimit


@dataclass(frozen=True, kw_only=True)
class Find(Query[str]):
    """A query."""


@dataclass(frozen=True, kw_only=True)
class Seek(Query[str]):
    """Another query."""


async def _seek(query: Seek) -> str:
    return "x"


async def _find(query: Find) -> str:
    return "x"


@pytest.mark.parametrize(
    "part,first,second",
    [
        ("rate_limit", RateLimit("1/hour", name="x"), RateLimit("2/hour", name="x")),
        ("circuit_breaker", CircuitBreaker(failures=1, name="x"), CircuitBreaker(failures=2, name="x")),
        ("bulkhead", Bulkhead(concurrent=1, name="x"), Bulkhead(concurrent=2, name="x")),
    ],
)
def test_a_shared_part_that_is_set_in_two_ways_is_found_at_the_start(part: str, first: Any, second: Any) -> None:
    """And names both; with one setting they share it."""

    def faults(one: Any, other: Any) -> list[str]:
        module = Module("finding")
        module.register(Find, _find, **{part: one})
        module.register(Seek, _seek, **{part: other})
        return [str(fault) for fault in App("finding", modules=[module], database="memory:").check()]

    assert faults(first, first) == []
    (fault,) = faults(first, second)
    assert f"shares the {part} 'x' with" in fault
